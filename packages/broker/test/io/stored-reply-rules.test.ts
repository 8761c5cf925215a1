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

it('RPL-10 a worker follows the rules of its store while it runs, before those of its options', async () => {
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

it('RPL-11 wrong rules, and rules that somebody else has changed, are refused; nothing changes', async () => {
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
