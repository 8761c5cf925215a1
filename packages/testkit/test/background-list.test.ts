import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/**
 * Everything in the packages that runs without a caller who awaits it: the timers and listeners of a file and the
 * promises that are not awaited (`void`, `catch`), and who owns them. An owner ends them; what fails in them is told to a
 * callback of the application, is a result of the call that they belong to, or has no consequence.
 *
 * `packages/broker/test/background.test.ts` breaks the store and the file under them,
 * `packages/queue-postgres/test/trouble/` the database, `packages/cli/test/output-loss.test.ts` the terminal and the disk.
 */
const background: Readonly<Record<string, readonly [kinds: string, owner: string]>> = {
  'broker/src/clock.ts': ['setTimeout setTimer', 'who calls setTimer'],
  'broker/src/delivery/connections.ts': [
    'catch setTimeout setTimer void',
    'idle connections: Connections.close(), in stop()',
  ],
  'broker/src/delivery/credential-gate.ts': ['abort void', 'an attempt: its signal'],
  'broker/src/delivery/destination-slots.ts': ['abort', 'an attempt: its signal'],
  'broker/src/delivery/explanation.ts': ['setTimer', 'explain(): ends with the call'],
  'broker/src/message/ready-message.ts': ['catch void', 'the source of a refused message, which is closed'],
  'broker/src/message/spool.ts': ['catch', 'a temporary file that is closed: a failure leaves nothing to do'],
  'broker/src/queue/enqueue.ts': ['catch', 'staged content that cannot be discarded: purge() takes it'],
  'broker/src/queue/event-sink.ts': ['abort setTimer', 'deliverEvents(): its signal; failures to onRetry'],
  'broker/src/sender/keyring.ts': ['catch', 'one check of a published key: warns'],
  'broker/src/sender/obtain.ts': ['abort setTimer', 'a profile or key that is asked for: ends with the call'],
  'broker/src/store/sqlite/group-commit.ts': [
    'setImmediate setTimeout setTimer',
    'writes: settle their calls; close()',
  ],
  'broker/src/store/sqlite/sqlite-store.ts': ['catch setTimeout', 'the poll: onBackgroundError; close()'],
  'broker/src/store/store-watch.ts': [
    'abort setTimer',
    'events() and watchRecords(): onError; signal, return() or close()',
  ],
  'broker/src/store/wake-list.ts': ['queueMicrotask', 'listeners: one microtask'],
  'broker/src/worker/routing-stage.ts': ['abort setTimer', 'the worker: onError; stop()'],
  'broker/src/worker/store-backoff.ts': ['setTimer', 'the worker'],
  'broker/src/worker/worker.ts': ['setTimer void', 'the worker: onError; stop()'],
  'cli/src/config/file.ts': ['catch', 'a candidate that is not there'],
  'cli/src/end-signal.ts': ['name', 'signals of the process: taken off with the command'],
  'cli/src/inbox/command.ts': ['void', 'what is printed of a message'],
  'cli/src/inbox/server.ts': ['error', 'the server of mb inbox: close()'],
  'cli/src/merge/merge-run.ts': ['abort', 'the run: its signal'],
  'cli/src/merge/paced-sender.ts': ['setInterval', 'the sweep: onError; close()'],
  'cli/src/merge/progress.ts': ['setTimeout', 'the progress bar: stop()'],
  'cli/src/merge/results-file.ts': ['catch', 'a lock that is not there'],
  'cli/src/merge/row-sender.ts': ['abort', 'the run: its signal'],
  'cli/src/output.ts': ['error', 'standard output and standard error: the process'],
  'cli/src/private-file.ts': ['catch', 'a list of groups that cannot be read: no member is trusted'],
  'cli/src/program.ts': ['warning', 'the process'],
  'cli/src/queue/confirm.ts': ['close', 'one question'],
  'cli/src/send/dkim-key.ts': ['catch', 'the check of a key: warns'],
  'cli/src/send/draft.ts': ['SIGINT catch close error', 'the editor: ends with it'],
  'cli/src/send/interruption.ts': ['name setTimeout', 'signals of the process: taken off with the command'],
  'cli/src/send/progress.ts': ['setInterval', 'the progress line: stop()'],
  'cli/src/work/until-stopped.ts': ['catch', 'mb work: its signal'],
  'dkim/src/key-lookup.ts': ['setTimeout', 'one lookup'],
  'dkim/src/message.ts': ['abort catch setImmediate', 'one message: its signal'],
  'dns/src/clock.ts': ['setTimeout setTimer', 'who calls setTimer'],
  'dns/src/diagnosis/egress.ts': [
    'abort connect data end error setTimeout',
    'one probe: destroys its socket',
  ],
  'dns/src/drive.ts': ['abort setTimer', 'one query'],
  'dns/src/mta-sts/fetch.ts': ['abort error setTimer', 'one request'],
  'dns/src/node-resolver.ts': [
    'abort catch',
    'one query, or a refresh of the cache, whose failure the next query repeats',
  ],
  'dns/src/spf/budget.ts': ['abort setTimer', 'one evaluation'],
  'dns/src/transport/datagram.ts': ['error message', 'one exchange: closes its socket'],
  'dns/src/transport/stream.ts': ['connect data end error', 'one exchange: destroys its socket'],
  'mime/src/content.ts': ['catch', 'a source that is closed early'],
  'mime/src/node.ts': ['catch', 'a file that is closed'],
  'mime/src/segments.ts': ['abort catch setImmediate void', 'one message: its signal'],
  'queue-postgres/src/batcher.ts': ['setImmediate void', 'statements: settle the promises of their calls'],
  'queue-postgres/src/content-rows.ts': [
    'catch',
    'staged content that cannot be discarded: purge() takes it',
  ],
  'queue-postgres/src/database.ts': ['catch', 'a failed ROLLBACK: the connection is given up'],
  'queue-postgres/src/postgres-store.ts': [
    'catch error setInterval',
    'the poll and the pool: onBackgroundError; close()',
  ],
  'queue-postgres/src/router.ts': ['catch', 'routing: onBackgroundError; close()'],
  'queue-postgres/src/wake-channel.ts': [
    'catch end error notification setTimeout',
    'LISTEN: onBackgroundError; close()',
  ],
  'smtp-client/src/client.ts': ['abort void', 'a connection: close()'],
  'smtp-client/src/io/clock.ts': ['setTimeout setTimer', 'who calls setTimer'],
  'smtp-client/src/io/connect.ts': ['setTimer', 'one connect()'],
  'smtp-client/src/io/drive.ts': [
    'close data drain end error setImmediate setTimeout setTimer',
    'a connection: close()',
  ],
  'smtp-client/src/io/establish.ts': ['abort setTimer void', 'one connect()'],
  'smtp-client/src/io/open-socket.ts': ['abort connect error setTimer', 'one connect()'],
  'smtp-client/src/io/tls.ts': ['abort close error secureConnect', 'one handshake'],
  'testkit/src/clock.ts': ['setTimeout setTimer', 'who calls setTimer'],
  'testkit/src/dns/server.ts': [
    'close connection data error message setTimeout setTimer',
    'the server: close()',
  ],
  'testkit/src/smtp/connection.ts': [
    'close end error secure setImmediate setTimeout setTimer',
    'a session of the host: close()',
  ],
  'testkit/src/smtp/host.ts': ['connection error setTimeout void', 'the host: close()'],
  'testkit/src/smtp/octet-reader.ts': ['data', 'a session of the host'],
  'testkit/src/virtual-clock.ts': ['setImmediate setTimer', 'the test that made it'],
};

const timers = String.raw`\b(setTimeout|setInterval|setImmediate|queueMicrotask|setTimer)\(`;
const listeners = String.raw`\.(?:on|once|addListener|addEventListener)\(\s*(?:'([\w-]+)'|(\w+))`;
const unawaited = String.raw`^\s*(void) [\w#.]+|\.(catch)\(\(\) =>`;
const pattern = new RegExp([timers, listeners, unawaited].join('|'), 'gm');
const packages = '{broker,queue-postgres,cli,dns,smtp-client,testkit,mime,dkim}';
const root = join(import.meta.dirname, '../..');

/** The kinds of timers and listeners in a source. */
function kindsIn(source: string): Set<string> {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return new Set([...code.matchAll(pattern)].map((match) => match.slice(1).find(Boolean) ?? ''));
}

it('SAFE-33 every timer, listener and promise that is not awaited is listed with its owner', () => {
  const unlisted: string[] = [];
  for (const file of globSync(`${packages}/src/**/*.ts`, { cwd: root })) {
    if (/\.test\.ts$|\/conformance\//.test(file)) continue;
    const known = background[file]?.[0].split(' ') ?? [];
    for (const kind of kindsIn(readFileSync(join(root, file), 'utf8'))) {
      if (!known.includes(kind)) unlisted.push(`${file}: ${kind}`);
    }
  }
  expect(unlisted).toEqual([]);
});

it('SAFE-33 the scan finds what it looks for', () => {
  const source = `
    const timer = setInterval(look, 5);
    socket?.once('close', end);
    signal.addEventListener('abort', stop);
    void run();
    work().catch(() => {});
    // setTimeout(in a comment)
  `;
  expect([...kindsIn(source)].sort()).toEqual(['abort', 'catch', 'close', 'setInterval', 'void']);
});

it('SAFE-33 every owner that is listed has such work', () => {
  const idle = Object.keys(background).filter(
    (file) => kindsIn(readFileSync(join(root, file), 'utf8')).size === 0,
  );
  // A failed ROLLBACK is handled with a body, which the scan passes over.
  expect(idle.filter((file) => file !== 'queue-postgres/src/database.ts')).toEqual([]);
});
