import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { MailBroker, type QueueStore } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { createMemoryResolver, type MemoryZones } from '@mb/dns/memory';
import { createTransport } from 'nodemailer';
import { forEachLimit } from '../harness/parallel.ts';
import type { Contender, Field } from '../harness/row.ts';
import { FloorConnection } from '../smtp/floor.ts';
import { CLIENT, MESSAGE, SENDER } from '../smtp/payload.ts';
import { type Sink, startOwnSink } from '../smtp/sink.ts';
import { arrival, checkTaken } from './queue.ts';

/** Messages spread evenly over destinations, each a domain with a mail exchanger and an address of its own. */
export interface DestinationsTask {
  readonly messages: number;
  readonly destinations: number;
}

/** Messages that wait for their acceptance at a time. */
const inFlight = 256;
/** Connections at a time, as our broker has by default. */
const connections = 50;

/** Accepts messages durably and delivers them to all destinations; a run ends when the sink has them all. */
export async function destinationsField(task: DestinationsTask): Promise<Field> {
  const sink = await startOwnSink({ chunking: false, host: '0.0.0.0' });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-destinations-'));
  return {
    contenders: [
      sqliteContender(sink, path.join(folder, 'ours'), task),
      withoutQueue(sink, task),
      floor(sink, path.join(folder, 'floor.db'), task),
    ],
    operationsPerRun: task.messages,
    close: async () => {
      await sink.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const tenDestinations = 'ten destinations';

/** How much slower many destinations are than ten, for a disk whose flushes are slow. */
export async function manyBesideFewField(task: DestinationsTask): Promise<Field> {
  const sink = await startOwnSink({ chunking: false, host: '0.0.0.0' });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-destinations-'));
  const few = { ...task, destinations: 10 };
  return {
    contenders: [
      sqliteContender(sink, path.join(folder, 'many'), task),
      { ...sqliteContender(sink, path.join(folder, 'few'), few), name: tenDestinations, role: 'limit' },
    ],
    operationsPerRun: task.messages,
    close: async () => {
      await sink.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Ours; every run has a queue and destinations that it never saw before. */
function sqliteContender(sink: Sink, file: string, task: DestinationsTask): Contender {
  let runs = 0;
  return ownContender('@mb/broker', sink, task, () => new SqliteStore(`${file}-${runs++}.db`));
}

function ownContender(
  name: string,
  sink: Sink,
  task: DestinationsTask,
  newStore: () => QueueStore<unknown>,
): Contender {
  const zone = zoneOf(task);
  return {
    name,
    role: 'ours',
    run: async () => {
      const store = newStore();
      await store.open();
      const broker = new MailBroker({
        hostname: CLIENT,
        store: store as QueueStore,
        dns: createMemoryResolver(zone),
        delivery: { port: sink.port, allowAddresses: ['127.0.0.0/8'] },
        tls: { mtaSts: false },
      });
      broker.start();
      try {
        const arrived = arrival(sink, task.messages);
        await forEachLimit(numbers(task.messages), inFlight, (at) =>
          broker.enqueue({
            raw: MESSAGE,
            envelope: { from: SENDER, to: [`jane@${domainOf(at % task.destinations)}`] },
          }),
        );
        const taken = await arrived;
        return { taken, left: await leftIn(broker) };
      } finally {
        await broker.stop({ graceMs: 1000 });
        await store.close();
      }
    },
    check: (output) => {
      const { taken, left } = output as { taken: number; left: number };
      return (
        checkTaken(taken, task.messages) ?? (left === 0 ? undefined : `${left} messages are still queued`)
      );
    },
  };
}

/** What was delivered must leave the queue too, or it would be delivered again. */
export async function leftIn(broker: MailBroker): Promise<number> {
  for (let tries = 0; ; tries++) {
    const { queued, inFlight: held } = await broker.health();
    if (queued + held === 0 || tries > 100) return queued + held;
    await sleep(20);
  }
}

/** nodemailer sends each message at once, over a connection of its own, without DNS; nothing is written down. */
function withoutQueue(sink: Sink, task: DestinationsTask): Contender {
  return {
    name: 'nodemailer without a queue',
    role: 'peer',
    package: 'nodemailer',
    run: async () => {
      const arrived = arrival(sink, task.messages);
      await forEachLimit(numbers(task.messages), connections, async (at) => {
        const transport = createTransport({
          host: addressOf(at % task.destinations),
          port: sink.port,
          name: CLIENT,
          ignoreTLS: true,
        });
        await transport.sendMail({
          envelope: { from: SENDER, to: [`jane@${domainOf(at % task.destinations)}`] },
          raw: MESSAGE,
        });
        transport.close();
      });
      return await arrived;
    },
    check: (taken) => checkTaken(taken as number, task.messages),
  };
}

/** One table, one commit for all messages of a turn, bare connections without DNS, one for each batch of a destination. */
function floor(sink: Sink, file: string, task: DestinationsTask): Contender {
  let queue: FloorDestinations | undefined;
  return {
    name: 'floor: SQLite + overlap',
    role: 'limit',
    run: async () => {
      queue ??= new FloorDestinations(file, sink.port);
      const open = queue;
      const arrived = arrival(sink, task.messages);
      await forEachLimit(numbers(task.messages), inFlight, (at) => open.accept(at % task.destinations));
      return await arrived;
    },
    check: (taken) => checkTaken(taken as number, task.messages),
    close: () => queue?.close(),
  };
}

class FloorDestinations {
  readonly #database: DatabaseSync;
  readonly #port: number;
  readonly #waiting = new Map<number, number[]>();
  #accepting: { readonly destination: number; readonly resolve: () => void }[] = [];
  #done: number[] = [];
  #scheduled = false;
  #open = 0;

  constructor(file: string, port: number) {
    this.#port = port;
    this.#database = new DatabaseSync(file);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    this.#database.exec('CREATE TABLE message (id INTEGER PRIMARY KEY, destination INTEGER, body BLOB)');
  }

  accept(destination: number): Promise<void> {
    return new Promise((resolve) => {
      this.#accepting.push({ destination, resolve });
      this.#schedule();
    });
  }

  close(): void {
    this.#database.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#commit());
  }

  #commit(): void {
    this.#scheduled = false;
    const insert = this.#database.prepare('INSERT INTO message (destination, body) VALUES (?, ?)');
    const remove = this.#database.prepare('DELETE FROM message WHERE id = ?');
    const accepting = this.#accepting.splice(0);
    this.#database.exec('BEGIN IMMEDIATE');
    for (const id of this.#done.splice(0)) remove.run(id);
    for (const { destination } of accepting) {
      const id = Number(insert.run(destination, MESSAGE).lastInsertRowid);
      this.#waiting.set(destination, [...(this.#waiting.get(destination) ?? []), id]);
    }
    this.#database.exec('COMMIT');
    for (const { resolve } of accepting) resolve();
    this.#deliver();
  }

  #deliver(): void {
    while (this.#open < connections) {
      const [next] = this.#waiting;
      if (!next) return;
      const [destination, ids] = next;
      this.#waiting.delete(destination);
      this.#open++;
      void this.#send(destination, ids);
    }
  }

  async #send(destination: number, ids: readonly number[]): Promise<void> {
    const connection = await FloorConnection.open(this.#port, false, addressOf(destination));
    await connection.send(ids.length, 'overlap');
    connection.close();
    this.#open--;
    this.#done.push(...ids);
    this.#schedule();
  }
}

function domainOf(destination: number): string {
  return `d${destination}.test`;
}

function addressOf(destination: number): string {
  return `127.1.${destination >> 8}.${destination & 255 || 255}`;
}

function zoneOf({ destinations }: DestinationsTask): MemoryZones {
  return Object.fromEntries(
    numbers(destinations).flatMap((at) => [
      [domainOf(at), { MX: [[10, `mx.${domainOf(at)}`] as const] }],
      [`mx.${domainOf(at)}`, { A: addressOf(at) }],
    ]),
  );
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}
