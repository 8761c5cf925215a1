import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createReplyRules } from './classify.ts';
import { explainReply, parseReply } from './reply-explanation.ts';
import { compileReplyRules, type ReplyRule } from './reply-rule.ts';

const rest = { category: 'unknown-reason', scope: 'recipient', action: 'fail' } as const;
const other: ReplyRule = { id: 'other', ...rest };

/** Whether one rule with these conditions fits a reply. */
function fits(
  conditions: Partial<ReplyRule>,
  reply: string,
  context: Partial<Parameters<typeof explainReply>[1]> = {},
) {
  const rules = compileReplyRules([{ id: 'mine', ...rest, ...conditions }, other]);
  return rules.match(parseReply(reply), { stage: 'rcpt', ...context }).id === 'mine';
}

it('RPL-04 matches a rule by code, enhanced code, stage, host and phrase, all of which must hold', () => {
  expect(fits({ code: 550 }, '550 No')).toBe(true);
  expect(fits({ code: ['4yz', 554] }, '550 No')).toBe(false);
  expect(fits({ enhanced: '*.7.*' }, '450 4.7.1 No')).toBe(true);
  expect(fits({ enhanced: 'none' }, '450 4.7.1 No')).toBe(false);
  expect(fits({ enhanced: '5.1.1' }, '553 No such user (#5.1.1)')).toBe(true);
  expect(fits({ stage: ['mail', 'rcpt'] }, '550 No')).toBe(true);
  expect(fits({ host: '*.example.com' }, '550 No', { host: 'MX1.Example.Com.' })).toBe(true);
  expect(fits({ host: '*.example.com' }, '550 No', { host: 'mx.example.com.test' })).toBe(false);
  expect(fits({ code: 550, text: 'no' }, '551 No')).toBe(false);
});

it('RPL-04 finds a phrase between edges of words, across lines, with any text for *', () => {
  expect(fits({ text: 'rbl' }, '550 Marble')).toBe(false);
  expect(fits({ text: 'throttl*' }, '450 You are throttled')).toBe(true);
  expect(fits({ text: 'mailbox * found' }, '550-5.1.1 Mailbox of Bob was not\n550 5.1.1 found here')).toBe(
    true,
  );
  expect(fits({ text: 'does not exist' }, '550 5.1.1 does\n550 not exist')).toBe(true);
  expect(fits({ text: '用户不存在' }, '550 该用户不存在。')).toBe(true);
});

it('RPL-13 reads neither the address nor the path of a URL as words of the host', () => {
  expect(
    fits(
      { text: ['spam', 'blocked'] },
      '550 <spam@blocked.example.com>: unknown, see https://example.net/blocked/spam',
    ),
  ).toBe(false);
  expect(fits({ text: 'user unknown' }, '550 User <spam@example.com> unknown')).toBe(true);
  expect(fits({ text: 'www.spamhaus.org' }, '550 See https://www.spamhaus.org/query/ip/192.0.2.1')).toBe(
    true,
  );
});

it('RPL-05 tries the rules of the caller first, and leaves a 4yz temporary and a 5yz permanent', () => {
  const own: ReplyRule[] = [
    {
      id: 'club',
      host: '*.example.com',
      text: 'members only',
      category: 'blocked',
      scope: 'sender',
      action: 'fail',
    },
  ];
  const explained = explainReply(
    parseReply('450 Members only'),
    { stage: 'rcpt', host: 'mx.example.com' },
    own,
  );
  expect(explained).toMatchObject({
    own: true,
    rule: { id: 'club' },
    classification: { category: 'blocked', action: 'retry' },
  });
  expect(explainReply(parseReply('450 Members only'), { stage: 'rcpt' }, own).own).toBe(false);
});

it.each([
  [{ id: '' }, /id must be/],
  [{ id: 'a', pattern: 'x' }, /there is no key "pattern"/],
  [{ category: 'bad' }, /category must be one of/],
  [{ scope: 'host' }, /scope must be one of/],
  [{ action: 'drop' }, /action must be one of/],
  [{ action: 'suppress' }, /action suppress needs category bad-mailbox/],
  [{ code: 250 }, /code must be/],
  [{ code: [] }, /code must be/],
  [{ enhanced: '5.1' }, /enhanced must be/],
  [{ stage: 'quit' }, /stage must be/],
  [{ text: '*' }, /text must be/],
  [{ host: 'mx.*.com' }, /host must be/],
  [{ relay: 'yes' }, /must be true or false/],
  [{ afterMs: -1 }, /afterMs must be/],
])('RPL-14 refuses the rule %j', (part, message) => {
  const rule = { id: 'a', ...rest, ...part } as ReplyRule;
  expect(() => createReplyRules([rule])).toThrow(message);
  expect(() => createReplyRules([rule])).toThrow(expect.objectContaining({ code: 'MB_BROKER_OPTION' }));
});

it('RPL-14 refuses two rules with the same id, defaults included', () => {
  expect(() => createReplyRules([other, other])).toThrow(/"other" is given twice/);
  expect(() => createReplyRules([{ ...other, id: 'greylisted' }])).toThrow(/"greylisted" is given twice/);
});

it('reads replies of several lines, also when a log has joined them', () => {
  const both = { code: 550, enhanced: '5.1.1', lines: ['5.1.1 No such user', '5.1.1 See there'] };
  expect(parseReply('550-5.1.1 No such user\r\n550 5.1.1 See there')).toEqual(both);
  expect(parseReply('550-5.1.1 No such user\\n550 5.1.1 See there')).toEqual(both);
  expect(parseReply('550-5.1.1 No such user 550 5.1.1 See there')).toEqual(both);
  expect(parseReply('450')).toEqual({ code: 450, lines: [''] });
  expect(() => parseReply('250 Ok')).toThrow(/begins with its code, from 400 to 599/);
});

it('lists the replies among the vectors in SOURCES.md', () => {
  const text = readFileSync(new URL('../../test/vectors/SOURCES.md', import.meta.url), 'utf8');
  expect(text).toContain('replies.json');
});
