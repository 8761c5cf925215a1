import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createReplyRules, readReply } from './classify.ts';
import type { Stage } from './outcome.ts';
import { parseReply } from './reply-explanation.ts';
import { defaultReplyRules } from './reply-rules.ts';

interface Vector {
  readonly from: string;
  readonly reply: string;
  readonly stage?: Stage;
  readonly host?: string;
  readonly relay?: boolean;
  readonly shared?: boolean;
  readonly category: string;
  readonly scope: string;
  readonly action: string;
  readonly source: string;
}

const { replies, sources } = JSON.parse(
  readFileSync(new URL('../../test/vectors/replies.json', import.meta.url), 'utf8'),
) as { replies: readonly Vector[]; sources: Readonly<Record<string, string>> };

const rules = createReplyRules();

function read({ reply, stage = 'rcpt', host, relay, shared }: Vector) {
  return readReply(parseReply(reply), { stage, host, relay, shared }, rules);
}

describe('RPL-01 real replies mean what their providers say', () => {
  it.each(replies.map((vector) => [vector.from, vector.reply.split('\n')[0]!.slice(0, 70), vector] as const))(
    '%s: %s',
    (_from, _reply, vector) => {
      const { category, scope, action } = vector;
      expect(read(vector)).toMatchObject({ category, scope, action });
      expect(sources[vector.source]).toMatch(/^https?:/);
    },
  );
});

it('RPL-02 suppresses an address for exactly those replies that prove it', () => {
  for (const vector of replies) {
    const { category, action } = read(vector);
    expect(action === 'suppress', vector.reply).toBe(vector.category === 'bad-mailbox');
    expect(category === 'bad-mailbox', vector.reply).toBe(vector.category === 'bad-mailbox');
  }
  expect(replies.length).toBeGreaterThanOrEqual(150);
});

it.each([
  ['550 5.7.1 Too many invalid recipients', 'blocked'],
  ['550 Too many unknown users', 'blocked'],
  ['550 5.1.1 Message looks like spam', 'blocked'],
  ['550 5.1.1 Sender address rejected: User unknown', 'blocked'],
  ['554 5.5.1 Error: no valid recipients', 'protocol'],
  ['521 Recipient address rejected', 'unknown-reason'],
  ['550 4.7.1 Try again later', 'unknown-reason'],
  ['450 5.1.1 User unknown', 'temporary-host'],
  ['550', 'unknown-reason'],
])('RPL-02 suppresses nobody for %s, whose words or codes disagree', (reply, category) => {
  const verdict = readReply(parseReply(reply), { stage: 'rcpt' }, rules);
  expect([verdict.category, verdict.action === 'suppress']).toEqual([category, false]);
});

it('RPL-03 has no rule that no reply reaches', () => {
  const reached = new Set(replies.map((vector) => read(vector).rule));
  expect(defaultReplyRules.map(({ id }) => id).filter((id) => !reached.has(id))).toEqual([]);
});
