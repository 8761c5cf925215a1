import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { accepting, freePort } from './port.ts';
import type { SinkOptions, SinkReport } from './sink-process.ts';

/** A server that takes every message and counts. */
export interface Sink {
  readonly port: number;
  /** Messages taken since the start; with `atLeast` it waits a moment until that many have come. */
  messages(atLeast?: number): Promise<number>;
  /** The first message since the last call, where the sink keeps any. */
  firstMessage?(): Promise<Buffer>;
  /** Octets of content taken since the start. */
  octets?(): Promise<number>;
  stop(): Promise<void> | void;
}

/** Path of Postfix's sink as its Debian package installs it. */
const SMTP_SINK = '/usr/sbin/smtp-sink';
export const SMTP_SOURCE = '/usr/sbin/smtp-source';

/** Whether Postfix's test programs are on this machine. */
export function hasPostfixTools(): boolean {
  return existsSync(SMTP_SINK) && existsSync(SMTP_SOURCE);
}

/** Starts Postfix's smtp-sink: PIPELINING and 8BITMIME, no TLS, no CHUNKING. */
export async function startPostfixSink(): Promise<Sink> {
  const port = await freePort();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-sink-'));
  const counters = path.join(folder, 'counters');
  // It insists on giving up root's rights.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []; // english-ok: a user's name
  const file = openSync(counters, 'w+');
  const child = spawn(SMTP_SINK, ['-c', '-m', '2000', ...user, `127.0.0.1:${port}`, '1000'], {
    stdio: ['ignore', file, 'ignore'],
  });
  await accepting(port);
  // `-c` rewrites one line, so to speak: sess=1 quit=1 mesg=5000. In a file it grows with every message, and whatever
  // waits looks every few milliseconds in a contender's time: only its end is read.
  const end = Buffer.alloc(200);
  const count = () => {
    const length = readSync(file, end, 0, end.length, Math.max(0, fstatSync(file).size - end.length));
    return Number(/.*mesg=(\d+)/s.exec(end.toString('latin1', 0, length))?.[1] ?? 0);
  };
  return {
    port,
    messages: (atLeast = 0) => settled(async () => count(), atLeast),
    stop: () => {
      child.kill();
      closeSync(file);
      rmSync(folder, { recursive: true });
    },
  };
}

/** Starts the bench's own sink in a process of its own: STARTTLS and CHUNKING when asked for. */
export async function startOwnSink(options: SinkOptions): Promise<Sink> {
  const child = fork(
    fileURLToPath(new URL('./sink-process.ts', import.meta.url)),
    [JSON.stringify(options)],
    {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    },
  );
  const [port] = (await once(child, 'message')) as [number];
  const ask = async (): Promise<SinkReport> => {
    child.send('report');
    return ((await once(child, 'message')) as [SinkReport])[0];
  };
  return {
    port,
    messages: (atLeast = 0) => settled(async () => (await ask()).messages, atLeast),
    octets: async () => (await ask()).octets,
    firstMessage: async () => Buffer.from((await ask()).firstMessage, 'base64'),
    stop: () => void child.kill(),
  };
}

/** Asks until the count is reached, for two seconds at most. */
async function settled(count: () => Promise<number>, atLeast: number): Promise<number> {
  const deadline = performance.now() + 2000;
  for (;;) {
    const now = await count();
    if (now >= atLeast || performance.now() > deadline) return now;
    await sleep(10);
  }
}
