import type { Reply } from '@mb/smtp-client';
import { BrokerError, optionError } from '../errors.ts';
import { checkText, readOptions } from '../option-table.ts';
import { checkReply, createReplyRules, readReply } from './classify.ts';
import type { FailureClassification } from './failure.ts';
import { type ReplyContext, type ReplyRule, replyContextOptions } from './reply-rule.ts';
import { defaultReplyRules } from './reply-rules.ts';

/** What a reply means, and which rule says so. */
export interface ExplainedReply {
  readonly reply: Reply;
  readonly context: ReplyContext;
  readonly classification: FailureClassification;
  /** The rule that matched. */
  readonly rule: ReplyRule;
  /** Whether the rule is one of the caller's own. */
  readonly own: boolean;
  /** One or two sentences: what the broker does. */
  readonly consequence: string;
}

/**
 * Explains what a reply means and what the broker does about it.
 *
 * @param reply  A 4yz or 5yz reply, as a session gave it or {@link parseReply} read it.
 * @param context  Where it came from; default: the reply of an unnamed exchanger to RCPT.
 * @param rules  Rules of your own, as in `delivery.replyRules`.
 * @throws {BrokerError} MB_BROKER_OPTION for an invalid reply, context or rule.
 * @example explainReply(parseReply('550 5.1.1 No such user')).classification; // { category: 'bad-mailbox', action:
 *   'suppress', … }
 */
export function explainReply(
  reply: Reply,
  context: ReplyContext = { stage: 'rcpt' },
  rules: readonly ReplyRule[] = [],
): ExplainedReply {
  const where = 'explainReply: context';
  const checked = readOptions<ReplyContext, typeof replyContextOptions>(context, replyContextOptions, where);
  checkReply(reply, 'explainReply');
  if (!Array.isArray(rules)) throw optionError('explainReply: rules must be an array.');
  const classification = readReply(reply, checked, createReplyRules(rules));
  const own = rules.find(({ id }) => id === classification.rule);
  const rule = own ?? defaultReplyRules.find(({ id }) => id === classification.rule)!;
  return {
    reply,
    context,
    classification,
    rule,
    own: own !== undefined,
    consequence: consequenceOf(classification, reply),
  };
}

function consequenceOf({ action, afterMs, category }: FailureClassification, { code }: Reply): string {
  const end = code < 500 ? 'The recipient is tried again by the schedule.' : 'The recipient fails.';
  const minutes = Math.round((afterMs ?? 0) / 60_000);
  const pause = afterMs === undefined ? '' : ` for ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
  switch (action) {
    case 'suppress':
      return 'The recipient fails, and the address goes on the suppression list.';
    case 'fail':
      return category === 'bad-mailbox' ? end : `${end} The address is not suppressed.`;
    case 'retry':
      return `${end} Other recipients of the destination are not held back.`;
    case 'delay':
      return 'The recipient is tried again when the host says, else by the schedule. Other recipients of the destination are not held back.';
    case 'slow-down':
      return `${end} The destination gets half of its connections and pauses${pause === '' ? ': one minute, doubled each time up to 30 minutes, or as long as the host says' : pause}.`;
    case 'pause':
      return `${end} The destination pauses${pause === '' ? ' for five minutes, then one connection tries' : pause}.`;
    case 'reconnect':
      return 'The recipient is tried again over a new connection. The destination is not slowed down.';
  }
}

/**
 * Parses a reply as logs and reports write it: one or several lines, each with `550-` or `550 ` at its beginning.
 *
 * @throws {BrokerError} MB_BROKER_OPTION when the text does not begin with a code from 400 to 599.
 * @example parseReply('550-5.1.1 No such user\n550 5.1.1 See https://example.com/'); // code 550, enhanced '5.1.1'
 */
export function parseReply(text: string): Reply {
  const lines = checkText(text, 'parseReply: text')
    .trim()
    .split(/\r?\n|\\r\\n|\\n/);
  const code = /^([45]\d\d)(?:[ -]|$)/.exec(lines[0]!)?.[1];
  if (code === undefined) {
    const message = 'A reply begins with its code, from 400 to 599, such as "550 5.1.1 No such user".';
    throw new BrokerError('MB_BROKER_OPTION', 'api-misuse', message);
  }
  // Some logs join the lines: "550-5.1.1 No such user 550 5.1.1 See …".
  const parts = lines.length > 1 ? lines : lines[0]!.split(new RegExp(` (?=${code}[ -]${code[0]}\\.\\d)`));
  const texts = parts.map((line) => line.trim().replace(new RegExp(`^${code}(?:[ -]|$)`), ''));
  const enhanced = texts
    .map((line) => /^([45]\.\d{1,3}\.\d{1,3})(?=\s|$)/.exec(line)?.[1])
    .find((found) => found?.[0] === code[0]);
  return { code: Number(code), ...(enhanced !== undefined && { enhanced }), lines: texts };
}
