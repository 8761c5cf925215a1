import { DkimError } from '@mb/dkim';
import { DnsError } from '@mb/dns';
import { createMemoryResolver } from '@mb/dns/memory';
import { MimeError } from '@mb/mime';
import { SmtpError } from '@mb/smtp-client';
import { type WrongTypeWalk, wrongTypeCases } from '@mb/testkit/wrong-types';
import { it } from 'vitest';
import * as broker from './index.ts';
import * as printable from './printable-text.ts';
import * as template from './template/index.ts';

const isOwn = (error: unknown) =>
  [broker.BrokerError, MimeError, DkimError, DnsError, SmtpError].some((one) => one.isInstance(error));

const dns = createMemoryResolver({});
const made = () => new broker.MailBroker({ hostname: 'client.test', store: new broker.MemoryStore(), dns });
const message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };
const verp = { address: 'bounces@sender.test', secret: '0123456789abcdef' };
const reply = broker.parseReply('550 5.1.1 No such user');
const selector = { messageId: '1' };

async function all(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

/** Every call of a broker, its queue, its suppressions and its records. */
const calls = {
  send: (...given: never[]) => made().send(...(given as unknown as [never])),
  sendTo: (...given: never[]) => made().sendTo(...(given as unknown as [never, never])),
  enqueue: (...given: never[]) => made().enqueue(...(given as unknown as [never])),
  explain: (...given: never[]) => made().explain(...(given as unknown as [never])),
  sendMany: (messages: never) => all(made().sendMany(messages)),
  observe: (listener: never) => made().observe(listener),
  receiveReport: (octets: never, to: never) => made().receiveReport(octets, to),
  list: (given: never, page: never) => made().queue.list(given, page),
  show: (id: never) => made().queue.show(id),
  hold: (given: never) => made().queue.hold(given),
  release: (given: never) => made().queue.release(given),
  cancel: (given: never) => made().queue.cancel(given),
  retry: (given: never) => made().queue.retry(given),
  suspend: (site: never, note: never) => made().queue.suspend(site, note),
  resume: (site: never) => made().queue.resume(site),
  configure: (site: never, settings: never) => made().queue.configure(site, settings),
  content: (id: never) => all(made().queue.content(id)),
  add: (entries: never) => made().suppressions.add(entries),
  lift: (addresses: never, tenant: never) => made().suppressions.lift(addresses, tenant),
  find: (addresses: never, tenant: never) => made().suppressions.find(addresses, tenant),
  put: (collection: never, key: never, value: never, condition: never) =>
    made().records.put(collection, key, value, condition),
  get: (collection: never, key: never) => made().records.get(collection, key),
  delete: (collection: never, key: never) => made().records.delete(collection, key),
  listRecords: (collection: never, page: never) => made().records.list(collection, page),
};

const callWalk: WrongTypeWalk<typeof calls> = {
  send: { parameters: [[message], [{}, 'undefined', 'object']] },
  sendTo: { parameters: [[message], ['bob@one.test'], [{}, 'undefined', 'object']] },
  enqueue: { parameters: [[message], [{}, 'undefined', 'object']] },
  explain: { parameters: [[message], [{}, 'undefined', 'object']] },
  sendMany: { parameters: [[[message], 'array']] },
  observe: { parameters: [[() => {}, 'function']] },
  receiveReport: {
    parameters: [
      [Buffer.from('x'), 'detached'],
      ['bounces@sender.test', 'string', 'undefined'],
    ],
  },
  list: {
    parameters: [
      [{}, 'object', 'undefined'],
      [{}, 'undefined', 'object'],
    ],
  },
  show: { parameters: [['1', 'string']] },
  hold: { parameters: [[selector]] },
  release: { parameters: [[selector]] },
  cancel: { parameters: [[selector]] },
  retry: { parameters: [[selector]] },
  suspend: {
    parameters: [
      ['one.test', 'string'],
      ['why', 'string', 'undefined'],
    ],
  },
  resume: { parameters: [['one.test', 'string']] },
  configure: { parameters: [['one.test', 'string'], [{ pauseMs: 0 }]] },
  content: { parameters: [['1']] },
  add: { parameters: [[[{ address: 'bob@one.test', reason: 'operator' }], 'array']] },
  lift: {
    parameters: [
      [['bob@one.test'], 'array'],
      ['shop', 'string', 'undefined'],
    ],
  },
  find: {
    parameters: [
      [['bob@one.test'], 'array'],
      ['shop', 'string', 'undefined'],
    ],
  },
  put: {
    parameters: [
      ['domain', 'string'],
      ['one.test', 'string'],
      [{ n: 1 }, 'object', 'length'],
      [{ ifVersion: 0 }, 'undefined', 'object'],
    ],
  },
  get: {
    parameters: [
      ['domain', 'string'],
      ['one.test', 'string'],
    ],
  },
  delete: {
    parameters: [
      ['domain', 'string'],
      ['one.test', 'string'],
    ],
  },
  listRecords: {
    parameters: [
      ['domain', 'string'],
      [{}, 'undefined', 'object'],
    ],
  },
};

const walk: WrongTypeWalk<typeof broker> = {
  MailBroker: {
    parameters: [[{ hostname: 'client.test' }]],
    call: (options) => new broker.MailBroker(options),
  },
  MailSender: {
    parameters: [[{ hostname: 'client.test' }]],
    call: (options) => new broker.MailSender(options),
  },
  MailQueue: {
    parameters: [[{ store: new broker.MemoryStore() }]],
    call: (options) => new broker.MailQueue(options),
  },
  MailWorker: {
    parameters: [[{ hostname: 'client.test', store: new broker.MemoryStore() }]],
    call: (options) => new broker.MailWorker(options),
  },
  MemoryStore: {
    parameters: [[{}, 'undefined', 'object']],
    call: (options) => new broker.MemoryStore(options),
  },
  // Made by a broker: their calls are above.
  QueueControl: 'none',
  SuppressionControl: 'none',
  webhook: { parameters: [['https://app.test/hook'], [{}, 'undefined', 'object']] },
  explainReply: { parameters: [[reply], [{ stage: 'rcpt' }, 'undefined'], [[], 'undefined', 'array']] },
  formatVerp: { parameters: [[verp], ['1.0']] },
  parseVerp: { parameters: [[verp], ['x@y.test', 'string']] },
  formatExplanation: 'none',
  // Takes whatever a program wrote.
  readOutcomeDetail: 'none',
  profilesByDomain: { parameters: [[[{ domain: 'example.com' }]]] },
  categorizeReply: { parameters: [[reply], ['rcpt'], ['mx.test', 'string', 'undefined']] },
  parseReply: { parameters: [['550 5.1.1 x']] },
  csvCell: { parameters: [['x', 'string']] },
  printableJson: {
    parameters: [
      [
        {},
        'undefined',
        'null',
        'number',
        'boolean',
        'string',
        'function',
        'symbol',
        'array',
        'object',
        'length',
        'detached',
      ],
    ],
  },
  printableJsonText: { parameters: [['{}', 'string']] },
  printableText: { parameters: [['x', 'string']] },
  watchRecords: 'none',
  BrokerError: 'none',
};

const templateWalk: WrongTypeWalk<typeof template> = {
  parseMessageTemplate: { parameters: [[{ subject: 'x' }, 'object', 'length']] },
  parseGapText: {
    parameters: [
      ['x', 'string'],
      ['the text', 'string'],
    ],
  },
  fillGapText: 'none',
  escapeHeaderText: { parameters: [['x', 'string']] },
  escapeHtml: { parameters: [['x', 'string']] },
  escapeText: { parameters: [['x', 'string']] },
  escapeUriPart: { parameters: [['x', 'string']] },
};

const cases = [
  ...wrongTypeCases(calls, callWalk, isOwn),
  ...wrongTypeCases(broker, walk, isOwn),
  ...wrongTypeCases(template, templateWalk, isOwn),
  ...wrongTypeCases(
    printable,
    { csvCell: 'none', printableJson: 'none', printableJsonText: 'none', printableText: 'none' },
    isOwn,
  ),
];
it.each(cases)('OPT-06 $name', { timeout: 5000 }, ({ check }) => check());
