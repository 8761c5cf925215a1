import { createMemoryResolver } from '@mb/dns/memory';
import { type MethodWalk, methodCases, type OptionEntry } from '@mb/testkit/option-walk';
import { it } from 'vitest';
import * as broker from './index.ts';

const { MailBroker, MailQueue, MailSender, MailWorker, MemoryStore } = broker;
const hostname = 'client.test';
const dns = createMemoryResolver({});
const message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };

/** Why the walk of a class in public-options.test.ts, or another rule, has the options of a method. */
const ofItsClass = 'the walk of its class in public-options.test.ts';
const selector = 'SAFE-01';
const port =
  'the port of stores: the broker has checked what it passes on; the conformance suite has the rest';

const call = (use: (options: never) => unknown): readonly [OptionEntry] => [
  { valid: {}, table: {}, call: use },
];
/** Opened, since an object that is refused must be the first thing that is wrong. */
async function opened() {
  const store = new MemoryStore();
  await store.open();
  return new MailQueue({ store, dns });
}
/** The methods of a part, or of a class, by the path at which the walk finds them. */
function at<Path extends string, Methods extends object>(path: Path, methods: Methods) {
  return Object.fromEntries(
    Object.entries(methods).map(([name, entries]) => [`${path}.${name}`, entries]),
  ) as {
    readonly [Name in keyof Methods & string as `${Path}.${Name}`]: Methods[Name];
  };
}

const records = {
  list: call(async (page) => (await opened()).records.list('domain', page)),
  put: call(async (condition) => (await opened()).records.put('domain', 'a', {}, condition)),
  delete: call(async (condition) => (await opened()).records.delete('domain', 'a', condition)),
};
const webhooks = {
  stop: call(async (options) => (await opened()).webhooks.stop(options)),
  list: ofItsClass,
  add: ofItsClass,
  change: ofItsClass,
  rotateSecret: ofItsClass,
  deadLetters: call(async (page) => (await opened()).webhooks.deadLetters('none', page)),
  replay: ofItsClass,
};
const control = {
  list: call(async (page) => (await opened()).control.list({}, page)),
  count: call(async (page) => (await opened()).control.count({}, page)),
  messages: call(async (filter) => (await opened()).control.messages(filter)),
  history: call(async (page) => (await opened()).control.history('1', page)),
  events: call(async (page) => (await opened()).control.events(page)),
  hold: selector,
  release: selector,
  cancel: selector,
  retry: selector,
  configure: ofItsClass,
  setReplyRules: call(async (condition) => (await opened()).control.setReplyRules([], condition)),
};
const suppressions = { list: ofItsClass };

const methods: MethodWalk<typeof broker> = {
  ...at('MailBroker', {
    enqueue: ofItsClass,
    send: ofItsClass,
    sendTo: ofItsClass,
    sendMany: call((options) => new MailBroker({ hostname, dns }).sendMany([message], options).next()),
    explain: ofItsClass,
    observe: call((options) => new MailBroker({ hostname, dns }).observe(() => {}, options)),
    stop: ofItsClass,
    close: ofItsClass,
    events: ofItsClass,
    deliverEvents: ofItsClass,
  }),
  ...at('MailBroker.queue', control),
  ...at('MailBroker.suppressions', suppressions),
  ...at('MailBroker.webhooks', webhooks),
  ...at('MailBroker.records', records),
  ...at('MailQueue', {
    enqueue: ofItsClass,
    events: ofItsClass,
    deliverEvents: call(async (options) => {
      // Without a signal it goes on forever: what matters is what it says at once.
      await Promise.race([(await opened()).deliverEvents(() => {}, options), Promise.resolve()]);
    }),
  }),
  ...at('MailQueue.suppressions', suppressions),
  ...at('MailQueue.webhooks', webhooks),
  ...at('MailQueue.records', records),
  ...at('MailQueue.control', control),
  ...at('MailSender', {
    send: ofItsClass,
    sendTo: ofItsClass,
    sendMany: call((options) => new MailSender({ hostname, dns }).sendMany([message], options).next()),
    explain: ofItsClass,
    observe: call((options) => new MailSender({ hostname, dns }).observe(() => {}, options)),
  }),
  ...at('MailWorker', {
    observe: call((options) =>
      new MailWorker({ hostname, dns, store: new MemoryStore() }).observe(() => {}, options),
    ),
    stop: ofItsClass,
    close: ofItsClass,
  }),
  ...at('QueueControl', control),
  ...at('SuppressionControl', suppressions),
  ...at('MemoryStore', {
    hold: selector,
    list: selector,
    count: selector,
    release: selector,
    cancel: selector,
    stage: port,
    accept: port,
    claim: port,
    claimSites: port,
    claimOverdue: port,
    settle: port,
    setSite: port,
    reschedule: port,
    listMessages: port,
    messageEvents: port,
    listSuppressed: port,
    purge: ofItsClass,
  }),
  ...at('MemoryStore.records', records),
};

it.each(methodCases<typeof broker>(methods, 'MB_BROKER_OPTION'))('OPT-04 $name', ({ check }) => check());
