import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** What background work depends on, and the test that breaks it under the work: one for each part that starts work. */
const brokenBy = {
  store: ['broker/test/failing-store.test.ts', 'SAFE-38'],
  watch: ['broker/test/background.test.ts', 'SAFE-62'],
  alerts: ['broker/test/failing-parts.test.ts', 'SAFE-127'],
  metrics: ['broker/test/telemetry/instrument.test.ts', 'SAFE-102'],
  domains: ['broker/test/failing-parts.test.ts', 'SAFE-128'],
  webhooks: ['broker/test/failing-parts.test.ts', 'SAFE-129'],
  rules: ['broker/test/failing-parts.test.ts', 'SAFE-100'],
  content: ['broker/test/failing-parts.test.ts', 'SAFE-101'],
  file: ['broker/test/background.test.ts', 'SAFE-09'],
  database: ['queue-postgres/test/trouble/server-trouble.test.ts', 'SAFE-27'],
  service: ['server/test/failing-store.test.ts', 'SAFE-39'],
  stream: ['server/test/failing-store.test.ts', 'SAFE-70'],
  series: ['server/test/failing-store.test.ts', 'SAFE-103'],
  records: ['server/test/failing-store.test.ts', 'SAFE-104'],
  submission: ['server/test/submission.test.ts', 'SUB-10'],
  work: ['cli/test/output-loss.test.ts', 'SAFE-105'],
  terminal: ['cli/test/output-loss.test.ts', 'SAFE-26'],
} as const;

/**
 * Everything in the packages that runs without a caller who awaits it: the timers, listeners and promise chains of a
 * file with their number, and who owns them. An owner ends them; what fails in them is told to a callback of the
 * application, is a result of the call that they belong to, or has no consequence. Work on a store, a file or a
 * database names the test that breaks it under this work.
 */
const background: Readonly<
  Record<string, readonly [kinds: string, owner: string, on?: keyof typeof brokenBy]>
> = {
  'broker/src/alerts/alerts.ts': ['catch:3 then', 'the check at each interval: onError; stop()', 'alerts'],
  'broker/src/clock.ts': ['setTimeout setTimer:2', 'who calls setTimer'],
  'broker/src/delivery/connections.ts': [
    'catch setTimeout setTimer void:3',
    'idle connections: Connections.close(), in stop()',
  ],
  'broker/src/delivery/credential-gate.ts': ['then:2', 'an attempt: its signal'],
  'broker/src/delivery/explanation.ts': ['setTimer', 'explain(): ends with the call'],
  'broker/src/domains/domain-profiles.ts': [
    'catch finally',
    'a profile that is asked for: ends with the call',
    'domains',
  ],
  'broker/src/domains/key-watch.ts': ['catch setTimer then', 'the rounds: onError; stop()', 'domains'],
  'broker/src/mail-worker.ts': ['catch', 'a worker: onError; stop()', 'rules'],
  'broker/src/message/ready-message.ts': ['catch void', 'the source of a refused message, which is closed'],
  'broker/src/message/spool.ts': [
    'catch:4',
    'a temporary file that is closed: a failure leaves nothing to do',
  ],
  'broker/src/queue/event-pump.ts': ['then:3', 'deliverEvents(): its signal', 'store'],
  'broker/src/queue/enqueue.ts': [
    'catch',
    'staged content that cannot be discarded: purge() takes it',
    'content',
  ],
  'broker/src/relay/oauth2.ts': ['finally', 'a token that several sessions ask for: ends with the calls'],
  'broker/src/sender/keyring.ts': ['catch then', 'one check of a published key: warns'],
  'broker/src/store/error-listeners.ts': [
    'catch',
    'a callback of the application that rejects: a process warning',
    'store',
  ],
  'broker/src/store/sqlite/checkpointer.ts': [
    'error exit message:2',
    'the thread that carries the log over: onBackgroundError; close()',
    'file',
  ],
  'broker/src/store/sqlite/group-commit.ts': [
    'setImmediate setTimeout setTimer',
    'writes: settle their calls; close()',
    'file',
  ],
  'broker/src/store/sqlite/sqlite-store.ts': [
    'catch:2 finally setTimeout',
    'the poll and the deletion of large content: onBackgroundError; close()',
    'file',
  ],
  'broker/src/store/sqlite/stats.ts': ['setImmediate:3', 'one call: its result'],
  'broker/src/store/store-watch.ts': [
    'setTimer',
    'events() and watchRecords(): onError; signal, return() or close()',
    'watch',
  ],
  'broker/src/store/wake-list.ts': ['queueMicrotask', 'listeners: one microtask', 'store'],
  'broker/src/telemetry/instrument.ts': [
    'catch:3',
    'one collection of metrics: leaves the queue or the webhooks out',
    'metrics',
  ],
  'broker/src/timed-calls.ts': [
    'setTimer then:2',
    'a profile, a key or a signature that is asked for: ends with the call, or after ten seconds',
  ],
  'broker/src/wait.ts': ['abort setTimer', 'who waits: the signal ends it'],
  'broker/src/webhooks/deliverer.ts': ['catch:3 void', 'all endpoints: onError; close()', 'webhooks'],
  'broker/src/webhooks/endpoint-delivery.ts': ['setTimer:2', 'one endpoint: onError; close()', 'webhooks'],
  'broker/src/webhooks/event-pages.ts': [
    'then',
    'a page that several endpoints read: ends with the call',
    'webhooks',
  ],
  'broker/src/webhooks/lanes.ts': ['setTimer:3', 'one endpoint: stop()'],
  'broker/src/webhooks/webhook-client.ts': ['error setTimeout upgrade', 'one call: its result'],
  'broker/src/worker/lease-run.ts': ['catch', 'the worker: onError; the run ends with it', 'store'],
  'broker/src/worker/routing-stage.ts': [
    'catch:2 finally setTimer then:3',
    'the worker: onError; stop()',
    'store',
  ],
  'broker/src/worker/run-pool.ts': ['catch:2 then:3', 'the worker: onError; stop()', 'store'],
  'broker/src/worker/site.ts': ['finally', 'a route that several messages ask for: ends with the calls'],
  'broker/src/worker/worker.ts': [
    'catch finally setTimer:3 then void:2',
    'the worker: onError; stop()',
    'store',
  ],
  'cli/src/inbox/mailbox.ts': [
    'abort setTimeout',
    'one request that waits for a message: its connection, or its timeout',
  ],
  'cli/src/inbox/page.ts': ['click:3 setTimeout', 'the page in a browser: ends with it'],
  'cli/src/inbox/web-server.ts': [
    'catch close error void',
    'the page of mb inbox: close(); a request that cannot be answered gets 500',
  ],
  'cli/src/config/file.ts': ['catch:2', 'a candidate that is not there'],
  'cli/src/explain/command.ts': ['catch then', 'the profile of the call: its result'],
  'cli/src/inbox/command.ts': ['catch void', 'what is printed of a message'],
  'cli/src/inbox/server.ts': ['error:2 then', 'the server of mb inbox: close()'],
  'cli/src/merge/merge-run.ts': ['abort catch', 'the run: its signal'],
  'cli/src/merge/queue-sender.ts': ['finally', 'a row that is queued: its caller, and close()'],
  'cli/src/merge/paced-sender.ts': ['catch setInterval', 'the sweep: onError; close()'],
  'cli/src/merge/progress.ts': ['setTimeout', 'the progress bar: stop()'],
  'cli/src/merge/results-file.ts': ['catch:3 then:2', 'a lock that is not there'],
  'cli/src/merge/row-sender.ts': ['abort catch finally', 'the run: its signal'],
  'cli/src/output.ts': ['error:2', 'standard output and standard error: the process', 'terminal'],
  'cli/src/private-file.ts': ['catch:2', 'a list of groups that cannot be read: no member is trusted'],
  'cli/src/program.ts': ['warning', 'the process'],
  'cli/src/queue/confirm.ts': ['close', 'one question'],
  'cli/src/send/dkim-key.ts': ['catch', 'the check of a key: warns'],
  'cli/src/send/draft.ts': ['catch:2 close error', 'the editor: ends with it'],
  'cli/src/send/progress.ts': ['setInterval', 'the progress line: stop()'],
  'cli/src/serve/certificate.ts': ['catch', 'mb serve: a file that cannot be read is an error of the call'],
  'cli/src/serve/service.ts': ['catch finally', 'a broker that a reload has replaced: the log; stop()'],
  'cli/src/serve/supervisor.ts': ['setInterval', 'the watchdog of systemd: onError; close()'],
  'cli/src/signals.ts': ['name setTimeout', 'signals of the process: taken off with the command', 'terminal'],
  'cli/src/work/other-workers.ts': ['then', 'a note that stays: the next worker takes it away'],
  'cli/src/work/until-stopped.ts': ['catch finally then', 'mb work: its signal', 'work'],
  'dkim/src/abort.ts': ['abort catch finally then:3', 'one piece of work: its signal'],
  'dashboard/src/node-dashboard.ts': ['catch', 'one request: 500, or its connection is closed'],
  'dkim/src/key-lookup.ts': ['setTimeout', 'one lookup'],
  'dkim/src/message.ts': ['setImmediate', 'one message: its signal'],
  'dkim/src/web/platform.ts': ['setImmediate setTimeout', 'one verification: ends with the call'],
  'dns/src/guarded-lookup.ts': ['catch then', 'one lookup: its callback'],
  'dns/src/clock.ts': ['setTimeout setTimer:2', 'who calls setTimer'],
  'dns/src/diagnose.ts': ['then:4', 'diagnoseSender(): awaited together'],
  'dns/src/diagnosis/egress.ts': [
    'abort connect data end error setTimeout',
    'one probe: destroys its socket',
  ],
  'dns/src/drive.ts': ['abort setTimer', 'one query'],
  'dns/src/mta-sts/fetch.ts': ['abort error setTimer then upgrade', 'one request'],
  'dns/src/caching-resolver.ts': [
    'abort catch finally:2 then',
    'one query, or a refresh of the cache, whose failure the next query repeats',
  ],
  'dns/src/spf/budget.ts': ['abort setTimer', 'one evaluation'],
  'dns/src/transport/datagram.ts': ['error message', 'one exchange: closes its socket'],
  'dns/src/transport/https.ts': ['then', 'one exchange'],
  'dns/src/transport/stream.ts': ['connect data end error', 'one exchange: destroys its socket'],
  'mime/src/content.ts': ['catch', 'a source that is closed early'],
  'mime/src/node.ts': ['catch', 'a file that is closed'],
  'mime/src/segments.ts': ['abort catch:2 setImmediate void', 'one message: its signal'],
  'nodemailer/src/remote-content.ts': [
    'error upgrade',
    'a URL that is fetched: ends with the call, its signal or its timeout',
  ],
  'nodemailer/src/transport.ts': [
    'setImmediate:4 then:2',
    'one sendMail() or verify(): both ends of the promise go to its callback',
  ],
  'queue-postgres/src/batcher.ts': [
    'finally setImmediate void',
    'statements: settle the promises of their calls',
    'database',
  ],
  'queue-postgres/src/content-rows.ts': [
    'catch',
    'staged content that cannot be discarded: purge() takes it',
    'database',
  ],
  'queue-postgres/src/database.ts': ['catch', 'a failed ROLLBACK: the connection is given up', 'database'],
  'queue-postgres/src/delivered-group.ts': [
    'then',
    'a statement: settles the promises of its calls',
    'database',
  ],
  'queue-postgres/src/postgres-store.ts': [
    'catch:2 error:2 setInterval',
    'the poll and the pool: onBackgroundError; close()',
    'database',
  ],
  'queue-postgres/src/router.ts': ['catch:2', 'routing: onBackgroundError; close()', 'database'],
  'queue-postgres/src/tally-sum.ts': ['catch finally', 'summing: onBackgroundError; close()', 'database'],
  'queue-postgres/src/wake-channel.ts': [
    'catch:3 end error:2 notification setTimeout:2',
    'LISTEN: onBackgroundError; close()',
    'database',
  ],
  'server/src/http/routes/domains.ts': ['catch', 'a request: a domain that is not there'],
  'server/src/access.ts': ['catch', 'one count of a request'],
  'server/src/api-keys.ts': ['catch', 'the note of the last use of a key: onError', 'service'],
  'server/src/dated-records.ts': ['catch', 'the clearing of old records: onError', 'records'],
  'server/src/http/form-message.ts': [
    'catch field file filesLimit setImmediate void',
    'one request: ends with its body',
  ],
  'server/src/http/routes/events.ts': [
    'setInterval',
    'one stream of events: ends with its request',
    'stream',
  ],
  'server/src/http/routes/health.ts': ['finally setTimeout then', 'one probe: its result', 'service'],
  'server/src/http/routes/accept.ts': ['then', 'one request: its result'],
  'server/src/reports/tls-recorder.ts': ['catch', 'the last counts of TLS: onError', 'service'],
  'server/src/reports/tls-results.ts': [
    'catch:2 setTimeout then',
    'the counts of TLS: onError; close()',
    'service',
  ],
  'server/src/series/collector.ts': ['catch', 'the collector: onError; close()', 'series'],
  'server/src/server.ts': ['catch error listening setTimeout', 'listen() and close()'],
  'server/src/submission/smtp-listener.ts': [
    'error:2 then',
    'one session: its end; the server: close()',
    'submission',
  ],
  'server/src/submission/submission-server.ts': [
    'then:3',
    'one command of a session: its reply',
    'submission',
  ],
  'smtp-client/src/client.ts': ['abort then void:2', 'a connection: close()'],
  'smtp-client/src/io/clock.ts': ['setTimeout setTimer:2', 'who calls setTimer'],
  'smtp-client/src/io/connect.ts': ['abort setTimer', 'one connect()'],
  'smtp-client/src/io/drive.ts': [
    'close data drain end error:2 nextTick setImmediate:5 setTimeout setTimer',
    'a connection: close()',
  ],
  'smtp-client/src/io/establish.ts': ['abort setTimer void', 'one connect()'],
  'smtp-client/src/io/open-socket.ts': ['abort:2 connect error:3 setTimer then', 'one connect()'],
  'smtp-client/src/io/proxy.ts': [
    'abort:2 data end error:3 established:2 secure',
    'one connection through a proxy: its signal',
  ],
  'smtp-client/src/io/tls.ts': ['abort close error:4 secureConnect', 'one handshake'],
  'testkit/src/clock.ts': ['setTimeout setTimer:2', 'who calls setTimer'],
  'testkit/src/dns/server.ts': [
    'close connection data error:4 message setTimeout setTimer',
    'the server: close()',
  ],
  'testkit/src/mailbox/mailbox.ts': [
    'then',
    'messages that are read one after another: nothing in it rejects',
  ],
  'testkit/src/mailbox/message-store.ts': ['setTimeout', 'waitForMessage(): ends with the call'],
  'testkit/src/mailbox/received-message.ts': ['catch', 'a message that cannot be read: its octets are kept'],
  'testkit/src/smtp/connection.ts': [
    'close:2 end error:2 secure setImmediate setTimeout setTimer',
    'a session of the host: close()',
  ],
  'testkit/src/smtp/host.ts': ['connection error:2 finally setTimeout void', 'the host: close()'],
  'testkit/src/smtp/octet-reader.ts': ['data:2', 'a session of the host'],
  'testkit/src/webhook-receiver.ts': ['error', 'the start of the receiver'],
  'testkit/src/virtual-clock.ts': ['setImmediate setTimer', 'the test that made it'],
};

const timers = String.raw`\b(setTimeout|setInterval|setImmediate|queueMicrotask|nextTick|setTimer)\(`;
const listeners = String.raw`\.(?:on|once|addListener|addEventListener)\(\s*(?:'([\w-]+)'|(\w+))`;
const chains = String.raw`^\s*(void) [\w#.]+|\.(catch|then|finally)\(`;
const pattern = new RegExp([timers, listeners, chains].join('|'), 'gm');
const root = join(import.meta.dirname, '../..');

/** The kinds of timers, listeners and chains in a source, each with its number when it is not 1: `abort setTimer:2`. */
function kindsIn(source: string): string {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const counts = new Map<string, number>();
  for (const match of code.matchAll(pattern)) {
    const kind = match.slice(1).find(Boolean) ?? '';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, count]) => (count === 1 ? kind : `${kind}:${count}`))
    .join(' ');
}

it('SAFE-33 every timer, listener and promise chain is listed with its owner, and nothing else is', () => {
  const found: Record<string, string> = {};
  for (const file of globSync('*/src/**/*.ts', { cwd: root })) {
    // What runs in the browser ends with the page.
    if (/\.test\.ts$|\/conformance\/|^dashboard\/src\/ui\//.test(file)) continue;
    const kinds = kindsIn(readFileSync(join(root, file), 'utf8'));
    if (kinds !== '') found[file] = kinds;
  }
  expect(found).toEqual(
    Object.fromEntries(Object.entries(background).map(([file, [kinds]]) => [file, kinds])),
  );
});

it('SAFE-68 the scan finds what it looks for, and a second of a kind', () => {
  const source = `
    const timer = setInterval(look, 5);
    socket?.once('close', end);
    signal.addEventListener('abort', stop);
    other.addEventListener('abort', stop);
    void run();
    work().catch(() => {});
    load().then(show);
    close().finally(forget);
    process.nextTick(flush);
    // setTimeout(in a comment)
  `;
  expect(kindsIn(source)).toBe('abort:2 catch close finally nextTick setInterval then void');
});

it.each(Object.entries(brokenBy))('SAFE-59 a test breaks the %s under the work on it', (on, [file, rule]) => {
  expect(Object.values(background).some((entry) => entry[2] === on)).toBe(true);
  expect(readFileSync(join(root, file), 'utf8')).toMatch(
    new RegExp(`(?:it|describe)(?:\\.\\w+)?\\([\\s\\S]{0,80}${rule} `),
  );
});
