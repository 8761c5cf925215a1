import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { BrokerError, MailQueue, MailWorker, MemoryStore, type ReplyRule } from '../../src/index.ts';
import { type LabPlan, startLab } from '../lab.ts';

const message = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Rules', text: 'Hello' };
/** "554 5.7.1" means that the sender is blocked, unless a rule says that the mailbox is not there. */
const closed: ReplyRule = {
  id: 'closed',
  host: 'mx.test',
  text: 'closed for good',
  category: 'bad-mailbox',
  scope: 'recipient',
  action: 'suppress',
};
const plan: LabPlan = {
  hosts: { mx: { address: '127.0.0.1', script: { rcpt: '554 5.7.1 Closed for good' } } },
  records: { one: { MX: '10 mx.test' } },
};

/** How the next message of a worker fails. */
async function failure(queue: MailQueue, store: MemoryStore) {
  const after = await store.eventsEnd();
  const { id } = await queue.enqueue(message);
  for await (const event of queue.events({ after }))
    if (event.type === 'failed' && event.messageId === id) return event.detail;
  throw new Error('no event');
}

/** An object but for one member. */
function withMember<Whole extends object>(whole: Whole, name: string, member: unknown): Whole {
  return new Proxy(whole, {
    get(target, key) {
      const value = key === name ? member : Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

it('RPL-10 RPL-17 a worker follows the rules of its store while it runs, before those of its options', async () => {
  await using lab = await startLab(plan);
  const store = new MemoryStore();
  const queue = new MailQueue({ store, queue: { suppress: false } });
  const own: ReplyRule = { ...closed, id: 'own', category: 'content', action: 'fail' };
  await using worker = new MailWorker({
    ...lab.options,
    store,
    delivery: { ...lab.options.delivery, replyRules: [own] },
    queue: { suppress: false, bounces: false },
  });
  worker.start();
  expect(await failure(queue, store)).toMatchObject({ category: 'content', rule: 'own' });

  const { version } = await queue.control.setReplyRules([closed]);
  await expect.poll(() => failure(queue, store)).toMatchObject({ category: 'bad-mailbox', rule: 'closed' });

  // The same id takes the place of the rule of the options.
  await queue.control.setReplyRules([{ ...own, category: 'blocked' }], { ifVersion: version });
  await expect.poll(() => failure(queue, store)).toMatchObject({ category: 'blocked', rule: 'own' });

  await queue.control.setReplyRules([]);
  await expect.poll(() => failure(queue, store)).toMatchObject({ category: 'content', rule: 'own' });
});

it('RPL-19 RPL-18 wrong rules, and rules that were changed meanwhile, are refused; nothing changes', async () => {
  const queue = new MailQueue({ store: new MemoryStore() });
  const { version } = await queue.control.setReplyRules([closed]);
  const refused = async (rules: unknown, condition?: { ifVersion: number }) => {
    const error = await queue.control.setReplyRules(rules as never, condition).catch((reason) => reason);
    expect(error).toBeInstanceOf(BrokerError);
    return error.code;
  };
  expect(await refused([{ ...closed, category: 'bad' }])).toBe('MB_BROKER_OPTION');
  expect(await refused([closed, closed])).toBe('MB_BROKER_OPTION');
  expect(await refused(undefined)).toBe('MB_BROKER_OPTION');
  expect(await refused([], { ifVersion: version + 1 })).toBe('MB_BROKER_RECORD_CONFLICT');
  expect(await queue.control.replyRules()).toEqual({ rules: [closed], version });
});

it('RPL-11 replaces all rules at once', async () => {
  const queue = new MailQueue({ store: new MemoryStore() });
  await queue.control.setReplyRules([closed, { ...closed, id: 'other' }]);
  await queue.control.setReplyRules([{ ...closed, id: 'third' }]);
  expect((await queue.control.replyRules()).rules.map(({ id }) => id)).toEqual(['third']);
});

it('RPL-12 a record of rules that is damaged is reported, and the worker keeps those that it has', async () => {
  await using lab = await startLab(plan);
  const store = new MemoryStore();
  const told: unknown[] = [];
  const queue = new MailQueue({ store, queue: { suppress: false } });
  await queue.control.setReplyRules([{ ...closed, category: 'content', action: 'fail' }]);
  await using worker = new MailWorker({
    ...lab.options,
    store,
    queue: { suppress: false, bounces: false, onError: (error) => told.push(error) },
  });
  worker.start();
  await expect.poll(() => failure(queue, store)).toMatchObject({ category: 'content' });
  await store.records.put('reply-rules', 'all', { rules: [{ id: 'x' }] });
  await expect.poll(() => told).toMatchObject([{ code: 'MB_BROKER_OPTION' }]);
  await store.records.put('reply-rules', 'all', { rules: 7 });
  await expect.poll(() => told.length).toBe(2);
  expect(await failure(queue, store)).toMatchObject({ category: 'content' });
});

it('RPL-15 no reply is judged before the rules of the store are known', async () => {
  await using lab = await startLab(plan);
  const store = new MemoryStore();
  const queue = new MailQueue({ store, queue: { suppress: false } });
  await queue.control.setReplyRules([{ ...closed, category: 'content', action: 'fail' }]);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let failures = 1;
  const get = async (...given: Parameters<typeof store.records.get>) => {
    if (failures-- > 0)
      throw new BrokerError('MB_BROKER_STORE_FAILED', 'network', 'Gone.', { retryable: true });
    await released;
    return store.records.get(...given);
  };
  const told: unknown[] = [];
  await using worker = new MailWorker({
    ...lab.options,
    store: withMember(store, 'records', withMember(store.records, 'get', get)),
    queue: { suppress: false, bounces: false, onError: (error) => told.push(error) },
  });
  worker.start();
  const failed = failure(queue, store);
  await expect.poll(async () => (await worker.health()).activeClaims).toBe(1);
  await sleep(300);
  expect(lab.hosts.mx!.sessions).toHaveLength(0);
  release();
  expect(await failed).toMatchObject({ category: 'content', rule: 'closed' });
  expect(told).toMatchObject([{ code: 'MB_BROKER_STORE_FAILED' }]);
});

it('RPL-16 RPL-20 a worker that waits for the rules of its store stops at once, and tries nothing', async () => {
  await using lab = await startLab(plan);
  const store = new MemoryStore();
  const gone = () =>
    Promise.reject(new BrokerError('MB_BROKER_STORE_FAILED', 'network', 'Gone.', { retryable: true }));
  const queue = new MailQueue({ store });
  const worker = new MailWorker({
    ...lab.options,
    store: withMember(store, 'records', withMember(store.records, 'get', gone)),
    queue: { onError: () => {} },
  });
  const { id } = await queue.enqueue(message);
  worker.start();
  await expect.poll(async () => (await worker.health()).activeClaims).toBe(1);
  await worker.close();
  expect(lab.hosts.mx!.sessions).toHaveLength(0);
  expect((await queue.control.show(id!))?.recipients).toMatchObject([{ state: 'queued', attempts: 0 }]);
});
