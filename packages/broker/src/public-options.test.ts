import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryResolver } from '@mb/dns/memory';
import { type OptionWalk, optionCases } from '@mb/testkit/option-walk';
import { it } from 'vitest';
import { alertOptions } from './alerts/alert-options.ts';
import * as alerts from './alerts/index.ts';
import { systemClock } from './clock.ts';
import { replyContextOptions } from './delivery/reply-rule.ts';
import { domainProfileOptions } from './domain-profiles.ts';
import { changeDomainOptions, domainChangesOptions } from './domains/domain-changes.ts';
import { managedDomainsOptions, newDomainOptions, removeKeyOptions } from './domains/domain-options.ts';
import * as domains from './domains/index.ts';
import * as encryption from './encryption/index.ts';
import { keyWrappingOptions } from './encryption/key-wrapping.ts';
import * as broker from './index.ts';
import * as lint from './lint/index.ts';
import { lintOptions } from './lint/lint-message.ts';
import { readyMessageOptions } from './message/ready-message.ts';
import * as spooling from './message/spool.ts';
import { spoolOptions } from './message/spool.ts';
import {
  brokerOptions,
  deliveryOptions,
  mailQueueOptions,
  mailWorkerOptions,
  queueOptions,
  runtimeOptions,
  senderOptions,
  tlsOptions,
} from './options.ts';
import * as printable from './printable-text.ts';
import { suppressedPageOptions } from './queue/control.ts';
import { sinkOptions, webhookOptions } from './queue/event-sink.ts';
import { eventsOptions } from './queue/event-stream.ts';
import * as relay from './relay/index.ts';
import { oauth2Options } from './relay/oauth2.ts';
import { routeOptions } from './route/next-hop.ts';
import { egressSource } from './sender/egress-source.ts';
import { verpOptions } from './sender/verp.ts';
import * as conformance from './store/conformance/index.ts';
import * as store from './store/index.ts';
import { memoryStoreOptions } from './store/memory/memory-store.ts';
import { messageFilter } from './store/message-filter.ts';
import { pageOptions } from './store/page.ts';
import { recordPageOptions, watchRecordsOptions } from './store/records.ts';
import { retentionOptions } from './store/retention.ts';
import * as sqlite from './store/sqlite/sqlite-store.ts';
import { sqliteStoreOptions } from './store/sqlite/sqlite-store.ts';
import * as telemetry from './telemetry/index.ts';
import { instrumentOptions } from './telemetry/instrument.ts';
import * as template from './template/index.ts';
import * as css from './template/inline-css.ts';
import { inlineCssOptions } from './template/inline-css.ts';
import * as mjml from './template/mjml.ts';
import { mjmlOptions } from './template/mjml.ts';
import * as react from './template/react-email.ts';
import { reactEmailOptions } from './template/react-email.ts';
import { newWebhookOptions, rotateOptions, webhookChangesOptions } from './webhooks/endpoint.ts';
import { replaySelector, webhookPageOptions } from './webhooks/webhooks.ts';
import { workerOptions } from './worker/worker.ts';

const { MailBroker, MailQueue, MailSender, MailWorker, MemoryStore } = broker;
const message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };
const hostname = 'client.test';
const verp = { address: 'bounces@sender.test', secret: '0123456789abcdef' };
const made = () => new MailBroker({ hostname, store: new MemoryStore(), dns: createMemoryResolver({}) });
const dns = createMemoryResolver({});
const madeSender = () => new MailSender({ hostname, dns });
const madeQueue = () => new MailQueue({ store: new MemoryStore(), dns });
/** A queue whose webhooks may be in the network for documentation. */
async function openQueue() {
  const store = new MemoryStore();
  await store.open();
  return new MailQueue({ store, dns, webhooks: { allowAddresses: ['192.0.2.0/24'] } });
}
async function withWebhook<Result>(
  use: (id: string, queue: MailQueueRole) => Promise<Result>,
): Promise<Result> {
  const queue = await openQueue();
  const { endpoint } = await queue.webhooks.add({ url: 'https://192.0.2.1/' });
  return use(endpoint.id, queue);
}
type MailQueueRole = InstanceType<typeof MailQueue>;
const changeWebhook = (options: never) => withWebhook((id, queue) => queue.webhooks.change(id, options));
const rotateSecret = (options: never) => withWebhook((id, queue) => queue.webhooks.rotateSecret(id, options));
const replay = (options: never) => withWebhook((id, queue) => queue.webhooks.replay(id, options));
const madeWorker = () => new MailWorker({ hostname, dns, store: new MemoryStore() });
const limits = { maxConcurrency: 1, rates: [{ count: 1, perMs: 1000 }] };
const aborted = AbortSignal.abort();
const rule = { id: 'own', category: 'content', scope: 'message', action: 'fail' } as const;
const reply = broker.parseReply('550 5.1.1 No such user');

const entry = (
  valid: object,
  table: Readonly<Record<string, object>>,
  call: (options: never) => unknown,
  opaque: readonly string[] = [],
) => ({ valid, table, call, opaque });

const walk: OptionWalk<typeof broker> = {
  MailBroker: [
    entry(
      {
        hostname,
        delivery: {
          timeouts: { connectMs: 1 },
          limits: { replyLines: 1 },
          sources: [{ name: 'a', localAddresses: ['127.0.0.1'] }],
          routes: {
            '*': { type: 'mx' },
            'a.test': { type: 'smarthost', host: 'b.test', auth: { user: 'u', password: 'p' } },
            'b.test': { type: 'lmtp', host: 'c.test' },
          },
          replyRules: [rule],
        },
        tls: { mtaSts: { port: 443 } },
        queue: { schedule: { firstMs: 1 }, retention: { batch: 1 }, verp },
        runtime: { random: Math.random },
      },
      brokerOptions,
      (options) => new MailBroker(options),
      ['delivery.routes'],
    ),
    entry({}, deliveryOptions, (delivery) => new MailBroker({ hostname, delivery })),
    entry({}, tlsOptions, (tls) => new MailBroker({ hostname, tls })),
    entry({ schedule: {} }, queueOptions, (queue) => new MailBroker({ hostname, queue })),
    entry({}, runtimeOptions, (runtime) => new MailBroker({ hostname, runtime })),
    entry(verp, verpOptions, (given) => new MailBroker({ hostname, queue: { verp: given } })),
    entry(
      { name: 'a', localAddresses: ['127.0.0.1'] },
      egressSource,
      (source) => new MailBroker({ hostname, delivery: { sources: [source] } }),
    ),
    ...(['smarthost', 'lmtp'] as const).map((type) => {
      const { type: _type, ...table } = routeOptions[type];
      return entry(
        { type, host: 'b.test' },
        table,
        (route) => new MailBroker({ hostname, delivery: { routes: { '*': route } } }),
      );
    }),
    entry({}, { signal: {}, requireTls: {} }, (options) => made().send(message, options)),
    entry(
      {
        raw: Buffer.from('From: ann@sender.test\r\n\r\nx\r\n'),
        envelope: { from: 'ann@sender.test', to: ['bob@one.test'] },
      },
      { envelope: readyMessageOptions.envelope, addresses: readyMessageOptions.addresses },
      (ready) => made().enqueue(ready),
    ),
    entry({}, { signal: {}, requireTls: {} }, (options) => made().sendTo(message, 'b@one.test', options)),
    entry({}, { signal: {}, requireTls: {}, timeoutMs: {} }, (options) => made().explain(message, options)),
    entry(
      { delivery: {} },
      { tenant: {}, tag: {}, idempotencyKey: {}, notBefore: {}, transaction: {}, senderDomains: {} },
      (options) => made().enqueue(message, options),
    ),
    entry({}, { graceMs: {} }, (options) => made().stop(options)),
    entry({}, { graceMs: {} }, (options) => made().close(options)),
    entry({ signal: aborted }, { after: eventsOptions.after }, (options) => made().events(options).next()),
    entry({ signal: aborted }, { ...sinkOptions, signal: { required: false } }, async (options) => {
      // Without a signal it goes on forever: what matters is what it says at once.
      await Promise.race([
        made().deliverEvents(() => {}, options),
        new Promise((done) => setTimeout(done, 20)),
      ]);
    }),
  ],
  MailSender: [
    entry(
      { hostname, delivery: {}, tls: {}, runtime: { random: Math.random } },
      senderOptions,
      (options) => new MailSender(options),
    ),
    entry({}, { signal: {}, requireTls: {} }, (options) => madeSender().send(message, options)),
    entry({}, { signal: {}, requireTls: {} }, (options) =>
      madeSender().sendTo(message, 'b@one.test', options),
    ),
    entry({}, { signal: {}, requireTls: {}, timeoutMs: {} }, (options) =>
      madeSender().explain(message, options),
    ),
  ],
  MailQueue: [
    entry(
      { store: new MemoryStore(), queue: { verp }, runtime: {} },
      mailQueueOptions,
      (options) => new MailQueue(options),
      ['store'],
    ),
    entry(
      { delivery: {} },
      { tenant: {}, tag: {}, idempotencyKey: {}, notBefore: {}, transaction: {} },
      (options) => madeQueue().enqueue(message, options),
    ),
    entry({ signal: aborted }, { after: eventsOptions.after }, (options) =>
      madeQueue().events(options).next(),
    ),
    entry({ url: 'https://192.0.2.1/', types: ['failed'] }, newWebhookOptions, async (options) =>
      (await openQueue()).webhooks.add(options),
    ),
    entry({ enabled: true, description: 'x' }, webhookChangesOptions, async (options) =>
      changeWebhook(options),
    ),
    entry({ overlapMs: 0 }, rotateOptions, async (options) => rotateSecret(options)),
    entry({ tenant: 'shop' }, webhookPageOptions, async (options) =>
      (await openQueue()).webhooks.list(options),
    ),
    entry({ from: 0, to: 1 }, replaySelector, async (options) => replay(options)),
    entry(
      { store: new MemoryStore(), webhooks: { timeoutMs: 1000 } },
      mailQueueOptions,
      (options) => new MailQueue(options),
      ['store'],
    ),
  ],
  MailWorker: [
    entry(
      { hostname, store: new MemoryStore(), queue: {}, delivery: {}, tls: {}, runtime: {} },
      mailWorkerOptions,
      (options) => new MailWorker(options),
      ['store'],
    ),
    entry({}, { graceMs: {} }, (options) => madeWorker().stop(options)),
    entry({}, { graceMs: {} }, (options) => madeWorker().close(options)),
  ],
  MemoryStore: [
    entry(
      { limits, eventTypes: ['failed'], clock: { now: () => 0 } },
      memoryStoreOptions,
      (options) => new MemoryStore(options),
      ['clock'],
    ),
    entry({ batch: 1 }, retentionOptions, (options) => new MemoryStore().purge(options)),
  ],
  QueueControl: [
    entry({}, pageOptions, (page) => made().queue.list({}, page)),
    entry({}, pageOptions, (page) => made().queue.messages({}, page)),
    entry({}, pageOptions, (page) => made().queue.history('1', page)),
    entry({ prefix: 'a' }, recordPageOptions, (page) => made().records.list('domain', page)),
    entry({}, pageOptions, (page) => made().queue.events(page)),
    entry({}, pageOptions, (page) => made().queue.messages({}, page)),
    entry({}, messageFilter, (filter) => made().queue.messages(filter)),
    entry({}, pageOptions, (page) => made().queue.history('1', page)),
    entry({ limits, note: 'x' }, { limits: {}, note: {}, pauseMs: {} }, (settings) =>
      made().queue.configure('one.test', settings),
    ),
  ],
  SuppressionControl: [entry({}, suppressedPageOptions, (page) => made().suppressions.list(page))],
  webhook: [
    entry(
      { headers: { 'x-key': 'v' } },
      webhookOptions,
      (options) => broker.webhook('https://app.example.com/hook', options),
      ['headers'],
    ),
  ],
  explainReply: [
    entry({ stage: 'rcpt' }, replyContextOptions, (context) => broker.explainReply(reply, context)),
    entry(rule, {}, (given) => broker.explainReply(reply, { stage: 'rcpt' }, [given])),
  ],
  profilesByDomain: [
    entry(
      { domain: 'example.com', verp, tls: {}, timeouts: {}, limits: {} },
      domainProfileOptions,
      (profile) => broker.profilesByDomain([profile]),
    ),
  ],
  formatVerp: [entry(verp, verpOptions, (options) => broker.formatVerp(options, '1.0'))],
  parseVerp: [entry(verp, verpOptions, (options) => broker.parseVerp(options, 'x@y.test'))],
  formatExplanation: 'result',
  readOutcomeDetail: 'none',
  categorizeReply: 'result',
  parseReply: 'none',
  csvCell: 'none',
  printableJson: 'none',
  printableJsonText: 'none',
  printableText: 'none',
  watchRecords: 'result',
  BrokerError: 'none',
};

const cases = optionCases(broker, walk, 'MB_BROKER_OPTION');
it.each(cases)('OPT-04 OPT-11 $name', ({ check }) => check());

const file = () => join(mkdtempSync(join(tmpdir(), 'mb-options-')), 'queue.db');

const sqliteWalk: OptionWalk<typeof sqlite> = {
  SqliteStore: [
    entry(
      { limits, clock: { now: () => 0 } },
      sqliteStoreOptions,
      (options) => new sqlite.SqliteStore(file(), options),
      ['clock'],
    ),
  ],
};
const sqliteCases = optionCases(sqlite, sqliteWalk, 'MB_BROKER_OPTION');
it.each(sqliteCases)('OPT-04 OPT-11 $name', ({ check }) => check());

const worker = {
  store: new MemoryStore(),
  attempt: async () => {},
  clock: systemClock,
  random: Math.random,
  name: 'w',
  schedule: { firstMs: 1 },
  retention: { batch: 1 },
};
/** What authors of stores call gets what the broker has checked, or says itself what is wrong with it. */
const storeWalk: OptionWalk<typeof store> = {
  QueueWorker: [
    entry(worker, workerOptions, (options) => new store.QueueWorker(options), ['store', 'clock']),
  ],
  resolveRetention: [entry({ batch: 1 }, retentionOptions, (options) => store.resolveRetention(options))],
  rechunk: 'none',
  contentGone: 'none',
  ErrorListeners: 'none',
  isAllowedSpeed: 'none',
  mergeLearned: 'result',
  checkDelay: 'none',
  checkDelays: 'none',
  checkIdempotency: 'none',
  checkSize: 'none',
  detailText: 'none',
  messageRecord: 'result',
  messageTimes: 'none',
  allowedConnections: 'none',
  cursorNumber: 'none',
  unknownCursor: 'none',
  pageLimit: 'none',
  changeByCommand: 'none',
  changeByLostLease: 'none',
  changeByOutcome: 'result',
  changeByRelease: 'none',
  isFinal: 'none',
  shownState: 'none',
  checkCollection: 'none',
  checkIfVersion: 'result',
  checkRecordKey: 'none',
  recordConflict: 'none',
  recordText: 'none',
  recordPage: [entry({ prefix: 'a' }, recordPageOptions, (page) => store.recordPage(page))],
  checkVersion: 'none',
  suppressionKey: 'none',
  resolveSiteLimits: 'result',
  WakeList: 'none',
  parseRecipientId: 'none',
  // SAFE-01 and the store conformance tests hold these.
  checkSelector: 'result',
  checkListSelector: 'result',
  checkMessageFilter: [entry({}, messageFilter, (filter) => store.checkMessageFilter(filter))],
  watchRecords: [
    // Without a signal it waits forever: what matters is what it says at once.
    entry({ signal: aborted }, watchRecordsOptions, (options) =>
      Promise.race([
        store.watchRecords(new MemoryStore(), 'domain', options).next(),
        new Promise((done) => setTimeout(done, 20)),
      ]),
    ),
  ],
  formatRecipientId: 'none',
  BrokerError: 'none',
};
const templateWalk: OptionWalk<typeof template> = {
  // Its message may lack fields that others have; composeMessage() checks what is rendered.
  parseMessageTemplate: 'result',
  parseGapText: 'none',
  fillGapText: 'none',
  escapeHeaderText: 'none',
  escapeHtml: 'none',
  escapeText: 'none',
  escapeUriPart: 'none',
};
const reactWalk: OptionWalk<typeof react> = {
  reactEmail: [
    entry(
      { schema: { '~standard': { validate: () => ({}) } } },
      reactEmailOptions,
      (options) => react.reactEmail(() => null, {}, options),
      ['schema'],
    ),
  ],
};
const mjmlWalk: OptionWalk<typeof mjml> = {
  compileMjml: [entry({ text: false }, mjmlOptions, (options) => mjml.compileMjml('<mjml></mjml>', options))],
};
const telemetryWalk: OptionWalk<typeof telemetry> = {
  instrument: [
    entry({ maxOperators: 1 }, instrumentOptions, (options) => telemetry.instrument(made(), options)()),
  ],
  providerOf: 'none',
};
const alertsWalk: OptionWalk<typeof alerts> = {
  Alerts: [
    entry(
      { name: 'mx1', thresholds: { bounceRate: 0.5 } },
      alertOptions,
      (options) => new alerts.Alerts(made(), options),
    ),
  ],
  listAlerts: 'none',
};
const cssWalk: OptionWalk<typeof css> = {
  inlineCss: [entry({ css: 'p {}' }, inlineCssOptions, (options) => css.inlineCss('<p>x</p>', options))],
};
const lintWalk: OptionWalk<typeof lint> = {
  lintMessage: [
    entry({ session: { ip: '192.0.2.1', sender: '', helo: 'client.test' } }, lintOptions, (options) =>
      lint.lintMessage(Buffer.from('From: ann@sender.test\r\n\r\nx\r\n'), options),
    ),
  ],
  // What lintMessage() has read.
  authenticate: 'result',
  listVerdicts: 'result',
};
// Either a token or its URL is given, so each may be undefined only beside the other.
const { token: _token, ...oauth2Table } = oauth2Options;
const relayWalk: OptionWalk<typeof relay> = {
  oauth2Credentials: [
    entry({ user: 'ann', token: () => ({ accessToken: 'x' }) }, oauth2Table, (options) =>
      relay.oauth2Credentials(options),
    ),
  ],
  microsoftTokenUrl: 'none',
  // A broker checks the credentials of its routes.
  relayRoute: 'result',
  wellKnownRelay: 'result',
};
async function* nothing() {}
const spoolWalk: OptionWalk<typeof spooling> = {
  spool: [entry({ maxBytes: 5 }, spoolOptions, (options) => spooling.spool(nothing(), options))],
};
const printableWalk: OptionWalk<typeof printable> = {
  csvCell: 'none',
  printableJson: 'none',
  printableJsonText: 'none',
  printableText: 'none',
};
const madeDomains = () => new domains.ManagedDomains({ records: new MemoryStore().records, dns });
const domainsWalk: OptionWalk<typeof domains> = {
  ManagedDomains: [
    entry(
      { records: new MemoryStore().records, rotation: { settleMs: 1 }, addresses: ['192.0.2.1'] },
      managedDomainsOptions,
      (options) => new domains.ManagedDomains(options),
      ['records'],
    ),
    entry({ domain: 'shop.test' }, newDomainOptions, (options) => madeDomains().add(options)),
    entry({}, recordPageOptions, (options) => madeDomains().list(options)),
    entry({ hostname: 'mx.shop.test', tls: 'required' }, domainChangesOptions, (options) =>
      madeDomains().change('shop.test', options),
    ),
    entry({}, changeDomainOptions, (options) =>
      madeDomains().change('shop.test', { tls: 'required' }, options),
    ),
    entry({}, removeKeyOptions, (options) => madeDomains().removeKey('shop.test', 's1', options)),
  ],
  createMasterKeyVault: 'none',
  createWrappingVault: [
    entry({ wrap: () => ({}), unwrap: () => new Uint8Array() }, keyWrappingOptions, (options) =>
      domains.createWrappingVault(options),
    ),
  ],
  formatZoneFile: 'none',
  generateMasterKey: 'none',
  mtaStsPolicy: 'none',
  parseMasterKeys: 'none',
  textStrings: 'none',
};
const encryptionWalk: OptionWalk<typeof encryption> = {
  createMasterKeyWrapping: 'none',
  generateMasterKey: 'none',
  parseMasterKeys: 'none',
};
const storeCases = [
  ...optionCases(encryption, encryptionWalk, 'MB_BROKER_OPTION'),
  ...optionCases(domains, domainsWalk, 'MB_BROKER_OPTION'),
  ...optionCases(store, storeWalk, 'MB_BROKER_OPTION'),
  ...optionCases(template, templateWalk, 'MB_BROKER_OPTION'),
  ...optionCases(react, reactWalk, 'MB_BROKER_OPTION'),
  ...optionCases(mjml, mjmlWalk, 'MB_BROKER_OPTION'),
  ...optionCases(css, cssWalk, 'MB_BROKER_OPTION'),
  ...optionCases(telemetry, telemetryWalk, 'MB_BROKER_OPTION'),
  ...optionCases(alerts, alertsWalk, 'MB_BROKER_OPTION'),
  ...optionCases(lint, lintWalk, 'MB_BROKER_OPTION'),
  ...optionCases(printable, printableWalk, 'MB_BROKER_OPTION'),
  ...optionCases(relay, relayWalk, 'MB_BROKER_OPTION'),
  ...optionCases(spooling, spoolWalk, 'MB_BROKER_OPTION'),
  ...optionCases(conformance, {}, 'MB_BROKER_OPTION'),
];
it.each(storeCases)('OPT-04 OPT-11 $name', ({ check }) => check());
