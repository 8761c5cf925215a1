import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { MailBroker, MemoryStore } from '@mb/broker';
import { quantile } from '../harness/quantile.ts';
import type { Contender, Field, ToldOutput } from '../harness/row.ts';
import { CLIENT, MESSAGE, SENDER } from '../smtp/payload.ts';
import type { Sink } from '../smtp/sink.ts';
import { startSink } from './queue.ts';

/** How a fast destination fares beside slow ones, which take a connection and say nothing until the run ends. */
export interface SlowBesideTask {
  readonly slow: number;
  /** Messages for the fast destination, one every `everyMs`. */
  readonly count: number;
  readonly everyMs: number;
  readonly withoutServers: boolean;
}

interface Delivered extends ToldOutput {
  /** Messages for the fast destination that were delivered. */
  readonly delivered: number;
  /** Connections that slow destinations held at the end. */
  readonly held: number;
}

/** Messages that wait for each slow destination. */
const messagesEach = 5;
/** A message that takes longer than this is lost to the run. */
const longestMs = 15_000;

export async function slowBesideField(task: SlowBesideTask): Promise<Field> {
  const sink = await startSink(task.withoutServers);
  return {
    contenders: [
      contender('@mb/broker', 'ours', task, sink),
      contender('no slow destinations', 'limit', { ...task, slow: 0 }, sink),
    ],
    operationsPerRun: task.count,
    close: () => sink.stop(),
  };
}

function contender(
  name: string,
  role: 'ours' | 'limit',
  task: SlowBesideTask,
  sink: Sink,
): Contender<Delivered> {
  return {
    name,
    role,
    run: () => deliverBeside(task, sink),
    check: ({ delivered, held }) => {
      if (delivered !== task.count) return `${delivered} of ${task.count} messages were delivered`;
      if (held < Math.min(task.slow, 10)) return `only ${held} slow destinations held a connection`;
      return undefined;
    },
  };
}

async function deliverBeside(task: SlowBesideTask, sink: Sink): Promise<Delivered> {
  const silent = await startSilentHosts();
  const slow = Array.from({ length: task.slow }, (_, at) => ({
    domain: `slow${at}.test`,
    address: `127.0.2.${at + 1}`,
  }));
  const route = (host: string, port: number) =>
    ({ type: 'smarthost', host: `[${host}]`, port, tls: 'none' }) as const;
  const broker = new MailBroker({
    hostname: CLIENT,
    // In memory: what the disk costs is measured by other rows, and this one is about who waits for whom.
    store: new MemoryStore(),
    delivery: {
      routes: {
        'fast.test': route('127.0.0.1', sink.port),
        ...Object.fromEntries(slow.map(({ domain, address }) => [domain, route(address, silent.port)])),
      },
    },
  });
  const enqueue = (to: string) => broker.enqueue({ raw: MESSAGE, envelope: { from: SENDER, to: [to] } });
  const arrivals = new Arrivals(broker);
  try {
    broker.start();
    // A destination that has answered before counts as fast.
    await enqueue('first@fast.test');
    await arrivals.of('first@fast.test');
    await Promise.all(
      slow.flatMap(({ domain }) =>
        Array.from({ length: messagesEach }, (_, at) => enqueue(`u${at}@${domain}`)),
      ),
    );
    await untilSteady(() => silent.sockets.size);
    const times = await Promise.all(
      Array.from({ length: task.count }, async (_, at) => {
        await sleep(at * task.everyMs);
        const start = performance.now();
        await enqueue(`u${at}@fast.test`);
        return (await arrivals.of(`u${at}@fast.test`)) - start;
      }),
    );
    const delivered = times.filter(Number.isFinite).length;
    return { told: quantile(times, 'p99') * 1000, delivered, held: silent.sockets.size };
  } finally {
    arrivals.stop();
    silent.close();
    await broker.stop({ graceMs: 100 });
  }
}

/** Waits until a number has not changed for 300 ms: the slow destinations hold all the slots that they get. */
async function untilSteady(read: () => number): Promise<void> {
  for (let before = -1; before !== read(); ) {
    before = read();
    await sleep(300);
  }
}

/** When recipients were delivered, from the events of a broker. */
class Arrivals {
  readonly #abort = new AbortController();
  readonly #at = new Map<string, PromiseWithResolvers<number>>();

  constructor(broker: MailBroker) {
    void this.#read(broker);
  }

  /** The moment of `performance.now()`; Infinity for one that takes too long. */
  of(address: string): Promise<number> {
    const late = sleep(longestMs, Number.POSITIVE_INFINITY, { ref: false });
    return Promise.race([this.#entry(address).promise, late]);
  }

  stop(): void {
    this.#abort.abort();
  }

  async #read(broker: MailBroker): Promise<void> {
    for await (const { type, address } of broker.events({ after: 'start', signal: this.#abort.signal })) {
      if (type === 'delivered' && address !== undefined) this.#entry(address).resolve(performance.now());
    }
  }

  #entry(address: string): PromiseWithResolvers<number> {
    const entry = this.#at.get(address) ?? Promise.withResolvers<number>();
    this.#at.set(address, entry);
    return entry;
  }
}

interface SilentHosts {
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
  close(): void;
}

/** One port on all addresses of this machine that takes connections and says nothing. */
async function startSilentHosts(): Promise<SilentHosts> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The silent hosts have no port.');
  return {
    port: address.port,
    sockets,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
