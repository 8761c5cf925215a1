import { describe, expect, it } from 'vitest';
import { categorizeReply } from './classify.ts';
import type { FailureCategory } from './failure.ts';
import type { Stage } from './outcome.ts';

type Case = readonly [
  code: number,
  enhanced: string | undefined,
  stage: Stage,
  text: string,
  category: FailureCategory,
];

const cases: readonly Case[] = [
  [550, '5.1.1', 'rcpt', 'No such user', 'bad-mailbox'],
  [550, undefined, 'rcpt', 'User unknown', 'bad-mailbox'],
  [551, undefined, 'rcpt', 'User not local', 'unknown-reason'],
  [550, '5.2.1', 'rcpt', 'Mailbox disabled', 'bad-mailbox'],
  [551, '5.7.17', 'rcpt', 'Mailbox owner has changed', 'bad-mailbox'],
  [550, '5.1.2', 'rcpt', 'Host unknown', 'bad-domain'],
  [556, '5.1.10', 'rcpt', 'Recipient address has null MX', 'bad-domain'],
  [521, undefined, 'greeting', 'Host does not accept mail', 'bad-domain'],
  [452, '4.2.2', 'rcpt', 'Over quota', 'mailbox-full'],
  [552, undefined, 'rcpt', 'Quota exceeded', 'mailbox-full'],
  [550, '5.7.1', 'rcpt', 'Blocked', 'blocked'],
  [550, '5.7.26', 'final', 'Unauthenticated mail', 'blocked'],
  [554, undefined, 'greeting', 'No SMTP service for you', 'blocked'],
  [550, undefined, 'mail', 'Sender rejected', 'blocked'],
  [552, '5.3.4', 'mail', 'Message too big', 'content'],
  [554, '5.6.0', 'final', 'Malformed', 'content'],
  [554, undefined, 'final', 'Message refused', 'content'],
  [421, '4.7.0', 'mail', 'Try later', 'rate'],
  [450, '4.7.28', 'rcpt', 'Unusual rate', 'rate'],
  [421, undefined, 'greeting', 'Too many connections', 'rate'],
  [451, '4.3.0', 'data', 'Local error', 'temporary-host'],
  [450, undefined, 'rcpt', 'Greylisted', 'temporary-host'],
  [451, '4.7.1', 'rcpt', '4.7.1 Greylisted for 5 minutes', 'temporary-host'],
  [421, undefined, 'mail', 'Shutting down', 'temporary-host'],
  [503, '5.5.1', 'rcpt', 'Bad sequence', 'protocol'],
  [500, undefined, 'ehlo', 'What?', 'protocol'],
  [554, '5.4.6', 'rcpt', 'Loop', 'protocol'],
  [530, '5.7.10', 'mail', 'Encryption needed', 'tls-policy'],
];

describe('DSN-02 a reply is classified by what it is about', () => {
  it.each(cases)('%i %s at %s: %s → %s', (code, enhanced, stage, text, category) => {
    const reply = enhanced ? { code, enhanced, lines: [text] } : { code, lines: [text] };
    expect(categorizeReply(reply, stage)).toBe(category);
  });

  it.each([
    [550, undefined, 'User rejected: your IP is blocklisted at dnsbl.example.net'],
    [550, '5.1.1', 'Blocked because of bad reputation'],
    [554, '5.7.1', 'Message refused by Spamhaus'],
  ])('DSN-10 %i %s "%s" is never a bad address', (code, enhanced, text) => {
    const reply = enhanced ? { code, enhanced, lines: [text] } : { code, lines: [text] };
    expect(categorizeReply(reply, 'rcpt')).toBe('blocked');
  });
});
