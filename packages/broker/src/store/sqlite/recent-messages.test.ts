import { expect, it } from 'vitest';
import { draft, octets } from '../conformance/harness.ts';
import { messageRecord } from '../new-message.ts';
import { RecentMessages } from './recent-messages.ts';

const record = (length = 300) => messageRecord(draft('a@example.com', { content: octets(length) }));

it('returns a message once', () => {
  const recent = new RecentMessages();
  recent.add(1, record(), 0);
  expect(recent.take(1)).toMatchObject({ row: { size: 300, accepted: 0 }, content: octets(300) });
  expect(recent.take(1)).toBeUndefined();
});

it('keeps neither large nor staged content', () => {
  const recent = new RecentMessages();
  recent.add(1, record(64 * 1024 + 1), 0);
  recent.add(2, messageRecord(draft('a@example.com', { content: { stagedId: '2', size: 300 } })), 0);
  expect([recent.take(1), recent.take(2)]).toEqual([undefined, undefined]);
});

it('Q-47 takes no more when it is full, until messages that were not claimed for ten seconds make room', () => {
  const recent = new RecentMessages();
  const each = record(63 * 1024);
  for (let id = 1; id <= 200; id++) recent.add(id, each, 0);
  expect(recent.take(1)).toBeDefined();
  expect(recent.take(200)).toBeUndefined();
  recent.add(201, each, 10_001);
  expect(recent.take(2)).toBeUndefined();
  expect(recent.take(201)).toBeDefined();
});
