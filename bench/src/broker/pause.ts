import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { fileAttachment } from '@mb/mime/node';
import { longestPause } from '../harness/loop-pause.ts';
import type { Contender, Field, ToldOutput } from '../harness/row.ts';
import { base64Of, streamOnly } from '../smtp/attachment-tasks.ts';
import { CLIENT, RECIPIENT, SENDER } from '../smtp/payload.ts';
import { type Sink, startOwnSink } from '../smtp/sink.ts';
import { leftIn } from './destinations.ts';
import { arrival } from './queue.ts';

/** A message with an attachment of this many octets, which takes a third more in base64. */
export interface PauseTask {
  readonly attachmentBytes: number;
}

/** What a run did with the message. */
interface Paused extends ToldOutput {
  /** Octets that were accepted, sent or written. */
  readonly octets: number;
}

/** How long the event loop is blocked while a large message is accepted durably. */
export async function pauseAcceptField(task: PauseTask): Promise<Field> {
  const { folder, file } = makeFile(task);
  let runs = 0;
  const ours = async (): Promise<Paused> => {
    const { store, broker } = await openQueue(path.join(folder, `accept-${runs++}.db`));
    let octets = 0;
    const told = await longestPause(async () => {
      const { id } = await broker.enqueue(await messageWith(file));
      octets = (await store.inspect(id!))?.size ?? 0;
    });
    await store.close();
    return { told, octets };
  };
  const floor = async (): Promise<Paused> => {
    const stream = createWriteStream(path.join(folder, 'floor'), { flush: true });
    const told = await longestPause(() => pipeline(base64Of(file), stream));
    return { told, octets: stream.bytesWritten };
  };
  return {
    contenders: [
      contender('@mb/broker', 'ours', task, ours),
      contender('floor: base64 to a file', 'limit', task, floor),
    ],
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** How long the event loop is blocked while such a message is delivered, until it has left the queue. */
export async function pauseDeliverField(task: PauseTask): Promise<Field> {
  const { folder, file } = makeFile(task);
  const sink = await startOwnSink({ chunking: false });
  let runs = 0;
  const ours = async (): Promise<Paused> => {
    const { store, broker } = await openQueue(path.join(folder, `deliver-${runs++}.db`), sink);
    await broker.enqueue(await messageWith(file));
    const before = await sink.octets!();
    const told = await longestPause(async () => {
      const arrived = arrival(sink, 1);
      broker.start();
      await arrived;
      await leftIn(broker);
    });
    await broker.stop({ graceMs: 1000 });
    await store.close();
    return { told, octets: (await sink.octets!()) - before };
  };
  const floor = async (): Promise<Paused> => {
    const before = await sink.octets!();
    const told = await longestPause(() => streamOnly({ port: sink.port, file }));
    return { told, octets: (await sink.octets!()) - before };
  };
  return {
    contenders: [
      contender('@mb/broker', 'ours', task, ours),
      contender('floor: base64 to a socket', 'limit', task, floor),
    ],
    close: async () => {
      await sink.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function contender(
  name: string,
  role: 'ours' | 'limit',
  { attachmentBytes }: PauseTask,
  run: () => Promise<Paused>,
): Contender {
  return {
    name,
    role,
    run,
    check: (output) => {
      const { octets } = output as Paused;
      const least = Math.floor((attachmentBytes * 4) / 3);
      return octets >= least ? undefined : `${octets} octets arrived instead of ${least}`;
    },
  };
}

function makeFile({ attachmentBytes }: PauseTask): { readonly folder: string; readonly file: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-pause-'));
  const file = path.join(folder, 'film.mp4');
  writeFileSync(file, Buffer.alloc(attachmentBytes, 'Octets of a film. '));
  return { folder, file };
}

async function messageWith(file: string) {
  return {
    from: SENDER,
    to: RECIPIENT,
    subject: 'A film',
    text: 'See the attachment.',
    attachments: [await fileAttachment(file)],
  };
}

async function openQueue(file: string, sink?: Sink) {
  const store = new SqliteStore(file);
  await store.open();
  const broker = new MailBroker({
    hostname: CLIENT,
    store,
    ...(sink && {
      delivery: {
        routes: { '*': { type: 'smarthost', host: '[127.0.0.1]', port: sink.port, tls: 'none' } },
      },
    }),
  });
  return { store, broker };
}
