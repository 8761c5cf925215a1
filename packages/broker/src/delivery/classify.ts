/**
 * The failure policy of the broker: what a failure is about, and whether another host may be tried.
 *
 * Nothing here does I/O; `attempt.ts` and the worker ask. What each reply means is in `reply-rules.ts`.
 */
import type { Reply, SmtpError } from '@mb/smtp-client';
import { optionError } from '../errors.ts';
import { readOptions } from '../option-table.ts';
import type { FailureAction, FailureCategory, FailureClassification, FailureScope } from './failure.ts';
import type { RecipientOutcome, Stage } from './outcome.ts';
import {
  compileReplyRules,
  type ReplyContext,
  type ReplyRule,
  type ReplyRules,
  replyContextOptions,
} from './reply-rule.ts';
import { defaultReplyRules } from './reply-rules.ts';

/** The rules of a broker: the caller's own, then the defaults. @throws {BrokerError} MB_BROKER_OPTION */
export function createReplyRules(own: readonly ReplyRule[] = []): ReplyRules {
  return own.length === 0 ? defaultRules : compileReplyRules([...own, ...defaultReplyRules]);
}

let compiledDefaults: ReplyRules | undefined;

/** Compiled at the first failure, because a message that is delivered needs no rule. */
const defaultRules: ReplyRules = {
  match(reply, context) {
    compiledDefaults ??= compileReplyRules(defaultReplyRules);
    return compiledDefaults.match(reply, context);
  },
};

/**
 * What follows from a 4yz or 5yz reply. RFC 5321 §4.2.1: no rule makes a temporary failure permanent, or the reverse.
 */
export function readReply(reply: Reply, context: ReplyContext, rules: ReplyRules): FailureClassification {
  const { id, category, scope, action, afterMs } = rules.match(reply, context);
  return {
    category,
    scope,
    action: reply.code < 500 ? temporaryAction(action) : permanentAction(action),
    ...(afterMs !== undefined && { afterMs }),
    rule: id,
  };
}

function temporaryAction(action: FailureAction): FailureAction {
  return action === 'suppress' || action === 'fail' ? 'retry' : action;
}

function permanentAction(action: FailureAction): FailureAction {
  return action === 'retry' || action === 'delay' || action === 'reconnect' ? 'fail' : action;
}

/**
 * Returns what a 4yz or 5yz reply is about, by the default rules.
 *
 * @param reply  The reply as received.
 * @param stage  The stage of the session in which it came.
 * @param host  Name of the mail exchanger, for the rules that hold for some providers only.
 * @throws {BrokerError} MB_BROKER_OPTION for an invalid reply or stage.
 * @example
 * categorizeReply({ code: 550, enhanced: '5.7.1', lines: ['Blocked'] }, 'rcpt'); // 'blocked'
 */
export function categorizeReply(reply: Reply, stage: Stage, host?: string): FailureCategory {
  checkReply(reply, 'categorizeReply');
  const context = readOptions<ReplyContext, typeof replyContextOptions>(
    { stage, host },
    replyContextOptions,
    'categorizeReply',
  );
  return readReply(reply, context, defaultRules).category;
}

/** @throws {BrokerError} MB_BROKER_OPTION for an invalid reply. */
export function checkReply(reply: Reply, where: string): void {
  if (Array.isArray(reply?.lines) && Number.isInteger(reply.code)) return;
  throw optionError(`${where}: reply must be what parseReply() returns.`);
}

/** Classification and RFC 3463 code of a failure that @mb/smtp-client reports, with a reply or without one. */
export function classifyError(
  error: SmtpError,
  context: Omit<ReplyContext, 'stage'>,
  rules: ReplyRules,
): FailureClassification & { readonly enhanced: string } {
  const { reply, retryable, enhanced, stage } = error;
  if (reply && reply.code >= 400) {
    const code = enhanced ?? `${Math.floor(reply.code / 100)}.0.0`;
    return { ...readReply(reply, { ...context, stage }, rules), enhanced: code };
  }
  const permanent = stage === 'plan' && !retryable;
  const action = permanent ? 'fail' : 'retry';
  // A missing extension has a code of its own (5.3.4, 5.6.3, 5.6.7), although no reply gave it.
  if (enhanced) return { category: categoryOfLack(enhanced), scope: 'message', action, enhanced };
  const [category, scope, detail] = withoutReply(error);
  return {
    category,
    scope,
    action: error.code.startsWith('MB_SMTP_AUTH_') ? 'pause' : action,
    enhanced: `${retryable ? '4' : '5'}.${detail}`,
  };
}

function categoryOfLack(enhanced: string): FailureCategory {
  if (enhanced.endsWith('.3.4')) return 'content';
  if (/\.7\.(?:10|11|30)$/.test(enhanced)) return 'tls-policy';
  return enhanced.includes('.6.') ? 'content' : 'protocol';
}

function withoutReply(error: SmtpError): readonly [FailureCategory, FailureScope, string] {
  // RFC 3463 §3.4, X.3.5: system incorrectly configured.
  if (error.code.startsWith('MB_SMTP_AUTH_')) return ['local', 'destination', '3.5'];
  switch (error.kind) {
    case 'network':
    case 'timeout':
      // RFC 3463 §3.5: X.4.1 no answer from host, X.4.2 bad connection.
      return error.stage === 'connect'
        ? ['temporary-host', 'destination', '4.1']
        : ['temporary-host', 'session', '4.2'];
    case 'tls':
      return ['tls-policy', 'session', '7.5']; // RFC 3463 §3.8: cryptographic failure
    case 'peer-misbehaved':
    case 'peer-incompatible':
      return ['protocol', 'session', '5.0'];
    default:
      return ['local', 'session', '3.0'];
  }
}

/**
 * Whether another mail exchanger may be offered a recipient in the same attempt.
 *
 * Yes after trouble with one host or session: the host cannot be reached, answers 421 or another 4yz, lacks an
 * extension, or accepts no mail. No after a 5yz to the recipient or the message, and never after an unknown outcome,
 * because that would risk a second copy.
 */
export function mayTryNextHost({ status, stage, ...outcome }: RecipientOutcome): boolean {
  if (status === 'deferred') {
    // An address family that this machine or source lacks concerns one host; other trouble of ours concerns all.
    const oneHost = stage === 'connect' || stage === 'policy';
    return !('category' in outcome) || outcome.category !== 'local' || oneHost;
  }
  // A message that one host cannot take (5.3.4, 5.6.3, 5.6.7, 5.7.30) was not offered to it; another host may take it.
  return status === 'failed' && (stage === 'plan' || stage === 'policy' || stage === 'greeting');
}
