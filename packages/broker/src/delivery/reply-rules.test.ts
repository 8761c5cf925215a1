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
  ['550 MAIL FROM user unknown', 'blocked'],
  ['550 5.1.1 Return address does not exist', 'blocked'],
  ['550 Directory harvest attack: unknown user', 'blocked'],
  ['550 5.1.1 Authentication needed', 'blocked'],
  ['550 5.1.1 Closed for submissions from outside', 'blocked'],
  ['554 5.1.1 Recipient address rejected: greylisted, see https://example.org', 'unknown-reason'],
  ['550 5.1.1 Temporarily unable to verify user', 'unknown-reason'],
  ['550 5.1.1 LDAP lookup failure', 'unknown-reason'],
  ['550 5.1.1 Database unavailable, user unknown', 'unknown-reason'],
  ['550 5.1.1 Message too big', 'content'],
])('RPL-02 suppresses no address for %s, whose words or codes disagree', (reply, category) => {
  const classification = readReply(parseReply(reply), { stage: 'rcpt' }, rules);
  expect([classification.category, classification.action === 'suppress']).toEqual([category, false]);
});

it.each([
  ['452 4.3.4 Message size limit exceeded', 'retry'],
  ['450 4.2.1 Too many messages for this user', 'retry'],
  ['451 4.7.1 Please try again later', 'retry'],
  ['451 4.3.0 Temporary server error', 'retry'],
  ['450 4.7.1 Please back off', 'slow-down'],
  ['451 4.3.0 Send fewer messages', 'slow-down'],
  ['451 4.3.2 We are limiting mail from your server', 'slow-down'],
])('RPL-09 slows a destination down only for words that are about it: %s', (reply, action) => {
  expect(readReply(parseReply(reply), { stage: 'rcpt' }, rules).action).toBe(action);
});

it('RPL-03 has no rule that no reply reaches', () => {
  const reached = new Set(replies.map((vector) => read(vector).rule));
  expect(defaultReplyRules.map(({ id }) => id).filter((id) => !reached.has(id))).toEqual([]);
});
