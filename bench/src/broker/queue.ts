import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { forEachLimit } from '../harness/parallel.ts';
import type { Absence, Contender, Field } from '../harness/row.ts';
import { MESSAGE, RECIPIENT, SENDER } from '../smtp/payload.ts';
import { hasPostfixTools, type Sink, SMTP_SOURCE, startOwnSink, startPostfixSink } from '../smtp/sink.ts';
import { HARAKA_VERSION, type RelayHaraka, startRelayHaraka } from './haraka.ts';
import { ownQueues } from './own-queues.ts';
import { postfixIsMissing, type RelayPostfix, startRelayPostfix } from './postfix.ts';

/** Messages that wait for their acceptance at a time, as from an application under load. */
const IN_FLIGHT = 256;

/**
 * Accepts messages durably and delivers them; a run ends when the sink has them all. What a contender needs for that
 * it starts with its first run.
 *
 * @param servers  which other servers take part: none in a smoke run, Haraka only where there is time to install it.
 */
export async function queueField(count: number, servers: 'none' | 'postfix' | 'all'): Promise<Field> {
  const sink = await startSink(servers === 'none');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-queue-'));
  const [ours, floor] = ownQueues(sink, folder, {
    run: async (accept) => {
      const arrived = arrival(sink, count);
      await forEachLimit(Array.from({ length: count }), IN_FLIGHT, accept);
      return await arrived;
    },
    check: (taken) => checkTaken(taken, count),
  });
  const contenders = [ours];
  const absent: Absence[] = [];
  const noPostfix = servers === 'none' ? 'takes no part in a smoke run' : postfixIsMissing();
  if (noPostfix === undefined) contenders.push(server('Postfix', startRelayPostfix, sink, count));
  else absent.push({ name: 'Postfix', reason: noPostfix });
  if (servers === 'all' && hasPostfixTools())
    contenders.push(server(`Haraka ${HARAKA_VERSION}`, startRelayHaraka, sink, count));
  else absent.push({ name: 'Haraka', reason: 'takes part with --full, and needs smtp-source' });
  contenders.push(floor);
  return {
    contenders,
    absent,
    operationsPerRun: count,
    close: async () => {
      await sink.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Postfix's sink, or without servers the bench's own. */
export function startSink(withoutServers: boolean): Promise<Sink> {
  return !withoutServers && hasPostfixTools() ? startPostfixSink() : startOwnSink({ chunking: false });
}

/** A mail server, fed over ten connections: it says 250 when the message is on its disk. */
function server(
  name: string,
  start: (sinkPort: number) => Promise<RelayPostfix | RelayHaraka>,
  sink: Sink,
  count: number,
): Contender {
  let started: Promise<RelayPostfix | RelayHaraka> | undefined;
  const options = ['-d', '-s', 10, '-m', count, '-l', MESSAGE.length, '-f', SENDER, '-t', RECIPIENT].map(
    String,
  );
  return {
    name,
    role: 'peer',
    external: true,
    run: async () => {
      started ??= start(sink.port);
      const { port } = await started;
      const arrived = arrival(sink, count);
      await promisify(execFile)(SMTP_SOURCE, [...options, `127.0.0.1:${port}`]);
      return await arrived;
    },
    check: (taken) => checkTaken(taken as number, count),
    close: async () => (await started)?.stop(),
  };
}

/** Resolves with the number of messages that came once there are `count` more than now. */
export async function arrival(sink: Sink, count: number): Promise<number> {
  const before = await sink.messages();
  for (;;) {
    const taken = (await sink.messages()) - before;
    if (taken >= count) return taken;
    await sleep(5);
  }
}

export function checkTaken(taken: number, count: number): string | undefined {
  return taken === count ? undefined : `the server took ${taken} messages instead of ${count}`;
}
