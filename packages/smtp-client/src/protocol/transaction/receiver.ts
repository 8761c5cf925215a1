import { type Reply, SmtpError, type Stage } from '../../errors.ts';
import { type HostExperience, saysSessionFull } from '../session/host-experience.ts';
import { LOSS, REPLIES, type ReplyClass, type TransactionStage } from '../session/transitions.ts';
import type { TransactionLedger } from './ledger.ts';
import type { Expected, Pipeline } from './pipeline.ts';
import { notAccepted, refusal, unknownOutcome } from './result.ts';
import type { Transaction } from './transaction.ts';

/** What Receiver needs from the session. */
export interface ReceiverContext {
  readonly pipeline: Pipeline;
  readonly ledger: TransactionLedger;
  readonly experience: HostExperience;
  /** Writes an empty message for a transaction without recipients. */
  writeLoneDot(): void;
  /** Ends the session. */
  fail(error: SmtpError): void;
}

/** Handles the replies to transactions, and sets the result of every recipient. */
export class Receiver {
  readonly #context: ReceiverContext;

  constructor(context: ReceiverContext) {
    this.#context = context;
  }

  // Long because it has one case for each effect.
  /** Handles the reply to a command of a transaction. */
  reply(expected: Expected, reply: Reply, now: number): void {
    const transaction = expected.transaction!;
    const { ledger } = this.#context;
    transaction.delivery.transcript.reply(now, reply);
    if (reply.code >= 400) transaction.countNegative();
    const stage = stageOf(expected, transaction);
    const effect = REPLIES[stage][classOf(expected, reply, transaction, ledger.answered)];
    if (expected.stage === 'mail' || expected.stage === 'rcpt' || expected.stage === 'chunk')
      transaction.replied(expected.stage);
    switch (effect) {
      case 'accept':
        this.#accept(expected, transaction);
        break;
      case 'defer':
      case 'refuse':
        this.#refuse(expected, transaction, reply, now);
        break;
      case 'split':
        transaction.splitOff(expected.recipient!, saysTooMany(reply));
        break;
      case 'use-data':
        ledger.useData(transaction);
        if (expected.stage === 'chunk') this.#stopChunks(transaction, reply, now);
        break;
      case 'postpone':
        ledger.postpone(transaction);
        break;
      case 'renew':
        ledger.renew(transaction);
        break;
      case 'go-ahead':
        transaction.step('go-ahead');
        break;
      case 'lone-dot':
        this.#loneDot(transaction, reply);
        break;
      case 'deliver':
        this.#deliver(expected, transaction, reply);
        break;
      case 'ignore':
        if (stage === 'rcpt-void' && reply.code < 300) transaction.read('recipient-accepted');
        if (stage === 'data-void') ledger.giveUp(transaction, now);
        break;
      case 'drop':
      case 'never': {
        const error = misplaced(expected.stage, reply);
        // RFC 5321 §4.2: a misplaced reply is still an answer, so the outcome is known.
        if (expected.recipient !== undefined)
          transaction.delivery.decide(expected.recipient, notAccepted(expected.stage, error));
        else transaction.decide(notAccepted(expected.stage, error));
        this.#context.fail(error);
        return;
      }
      case 'close': {
        const error = serviceClosing(expected.stage, reply);
        // A 421 instead of the reply to MAIL may have been sent before the server read MAIL.
        if (transaction.facts.answered) transaction.decide(notAccepted(expected.stage, error));
        this.#context.fail(error);
        return;
      }
    }
    this.#afterReply(expected, transaction, now);
  }

  /** Handles a reply without a command. While content is written, it concerns that content. */
  unsolicited(reply: Reply, now: number): void {
    const { writing } = this.#context.ledger;
    writing?.delivery.transcript.reply(now, reply);
    if (reply.code === 421) {
      this.#context.fail(serviceClosing(writing ? 'content' : 'idle', reply));
      return;
    }
    if (writing?.writer !== 'content' || reply.code < 400) {
      this.#context.fail(misplaced('idle', reply));
      return;
    }
    // RFC 5321 §4.1.1.4 has no such reply, but servers refuse large content midway; only closing abandons it.
    writing.decide(refusal('content', reply));
    this.#context.ledger.settle(writing.delivery);
    this.#context.fail(refusedMidway(reply));
  }

  /** Sets the result of every recipient without an answer, at the end of the session. */
  lost(error: SmtpError, now: number): void {
    const { ledger } = this.#context;
    const { open, waiting } = ledger.drain();
    if (open.length > 0) this.#learn(open[0]!, error);
    const ended = endedByPeer(error);
    for (const [place, transaction] of open.entries()) this.#loseOpen(transaction, place, error);
    for (const { delivery, toGiveBack } of open) {
      if (delivery.settled) continue;
      delivery.decideRemaining(notAccepted('plan', error, ended));
      for (const index of toGiveBack) delivery.decide(index, notAccepted('plan', error, ended));
      delivery.transcript.note(now, error.message);
      ledger.settle(delivery);
    }
    for (const delivery of waiting) {
      if (delivery.settled) continue;
      if (delivery.transactions === 0) {
        ledger.notAttempted(delivery, ended ? stale(error) : error);
        continue;
      }
      delivery.decideRemaining(notAccepted('plan', error, ended));
      ledger.settle(delivery);
    }
  }

  /** @param place  The position of the transaction among the open ones, 0 for the oldest. */
  #loseOpen(transaction: Transaction, place: number, error: SmtpError): void {
    const { delivery, facts, beginning } = transaction;
    // The server did not read transactions after the first without an answer, unless it answered none of the session.
    const unread =
      endedByPeer(error) &&
      !facts.answered &&
      (place > 0 || beginning !== 'first') &&
      isUnread(transaction, error);
    if (unread && isWhole(transaction)) {
      delivery.remaining = [];
      this.#context.ledger.notAttempted(delivery, stale(error));
    } else {
      // RFC 5321 §3.8: after 421 the server does nothing more, so even a completely sent message was not accepted.
      const maybe = LOSS[transaction.writer] === 'unknown' && !isClosing(error);
      transaction.decide(
        maybe ? unknownOutcome(error) : notAccepted(stageOfLoss(transaction), error, unread),
      );
    }
    if (transaction.writer !== 'over') transaction.step('lost');
  }

  /** Learns about the host from the end of a session with messages in flight. */
  #learn(first: Transaction, error: SmtpError): void {
    const { ledger, experience } = this.#context;
    // Errors of this side say nothing about the host.
    if (['aborted', 'api-misuse', 'invalid-input', 'internal'].includes(error.kind)) return;
    experience.lost();
    if (endedByPeer(error) && !first.facts.answered)
      experience.endedBetween(ledger.answered, isClosing(error) ? error.reply?.lines.join(' ') : undefined);
  }

  #accept(expected: Expected, transaction: Transaction): void {
    if (expected.stage === 'mail') transaction.read('mail-accepted');
    if (expected.stage === 'rcpt') transaction.accept(expected.recipient!);
  }

  #refuse(expected: Expected, transaction: Transaction, reply: Reply, now: number): void {
    const { delivery } = transaction;
    const { ledger } = this.#context;
    transaction.refuse();
    const result = refusal(expected.stage as 'mail' | 'rcpt' | 'data' | 'chunk' | 'final', reply);
    if (expected.recipient !== undefined) {
      delivery.decide(expected.recipient, result);
      return;
    }
    if (expected.stage === 'mail') {
      transaction.read('mail-refused');
      for (const index of transaction.recipients) delivery.decide(index, result);
      return;
    }
    transaction.decide(result);
    if (expected.stage === 'data') ledger.giveUp(transaction, now);
    if (expected.stage === 'chunk') this.#stopChunks(transaction, reply, now);
  }

  /** Stops sending chunks. RFC 3030 §2: a chunk that has begun must be completed, or the connection closed. */
  #stopChunks(transaction: Transaction, reply: Reply, now: number): void {
    if (transaction.writer !== 'content') return;
    if (transaction.cursor.chunkBegun) this.#context.fail(refusedMidway(reply));
    else this.#context.ledger.giveUp(transaction, now);
  }

  #deliver(expected: Expected, transaction: Transaction, reply: Reply): void {
    transaction.deliver();
    const result = { status: 'delivered', stage: 'final', reply } as const;
    if (expected.recipient !== undefined) transaction.delivery.decide(expected.recipient, result);
    else transaction.decide(result);
  }

  #loneDot(transaction: Transaction, reply: Reply): void {
    // If a recipient was accepted although MAIL was refused, a dot might deliver an empty message: only closing is
    // safe.
    if (transaction.facts.confused) this.#context.fail(misplaced('data', reply));
    else this.#context.writeLoneDot();
  }

  #afterReply(expected: Expected, transaction: Transaction, now: number): void {
    const { ledger, pipeline } = this.#context;
    const ofEnvelope = expected.stage === 'mail' || expected.stage === 'rcpt';
    if (ofEnvelope && transaction.envelopeAnswered && transaction.hasToGiveBack) ledger.reoffer(transaction);
    const last = pipeline.first?.transaction !== transaction;
    if (transaction.writer === 'sent' && last && isEnd(expected)) transaction.step('settled');
    if (transaction.writer === 'over' && last) ledger.close(transaction, now);
    ledger.settle(transaction.delivery);
  }
}

function isEnd({ stage }: Expected): boolean {
  return stage === 'final' || stage === 'discard';
}

/** The row of REPLIES; a transaction that cannot deliver to any recipient has its own rows. */
function stageOf({ stage }: Expected, transaction: Transaction): TransactionStage {
  if (stage === 'rcpt' && transaction.facts.refused) return 'rcpt-void';
  if (stage === 'data' && transaction.void) return 'data-void';
  if (stage === 'final' && transaction.void) return 'final-void';
  return stage as TransactionStage;
}

function classOf(
  { stage, recipient }: Expected,
  reply: Reply,
  transaction: Transaction,
  answered: number,
): ReplyClass {
  const { code, enhanced } = reply;
  if (code === 421) return '421';
  const bdat = stage === 'chunk' || (stage === 'final' && transaction.mode === 'bdat');
  if (bdat && (code === 500 || code === 502 || code === 503) && knowsNoBdat(transaction)) return 'no-bdat';
  if (code === 503)
    return stage === 'mail' && transaction.beginning === 'overlapped' ? '503-overlapped' : '503';
  // RFC 5321 §4.5.3.1.10 and RFC 3463 §3.6: three ways to say "too many recipients". A status about the mailbox (x.2.z)
  // concerns this recipient.
  const tooMany = code === 452 || code === 552 || enhanced?.endsWith('.5.3') === true;
  const splits = stage === 'rcpt' && !transaction.facts.refused && recipient !== transaction.recipients[0];
  if (tooMany && code >= 400 && splits && enhanced?.[2] !== '2') return 'too-many';
  if (code < 300) return '2yz';
  if (code < 400) return '3yz';
  // A session without an answered message cannot be full.
  if (code < 500 && stage === 'mail' && answered > 0 && saysSessionFull(reply)) return 'session-full';
  return code < 500 ? '4yz' : '5yz';
}

/**
 * Whether a refusal of BDAT means that the server does not support it: a recipient was accepted, so BDAT was in order.
 */
function knowsNoBdat({ mail, envelope }: Transaction): boolean {
  return envelope === 'addressed' && mail.body !== 'binarymime';
}

/** RFC 3463 §3.6: x.5.3 means too many recipients; a 452 alone may mean insufficient storage (RFC 5321 §4.2.3). */
function saysTooMany({ enhanced, lines }: Reply): boolean {
  return enhanced?.endsWith('.5.3') === true || /too many (?:recipients|rcpts?)/i.test(lines.join(' '));
}

/** Whether the server certainly did not process a transaction without an answer. */
function isUnread({ writer }: Transaction, error: SmtpError): boolean {
  return isClosing(error) || writer !== 'sent';
}

/** Whether a transaction has all recipients of its delivery, and none has a result. */
function isWhole({ delivery, split }: Transaction): boolean {
  return delivery.undecided === delivery.results.length && delivery.transactions === 1 && split.length === 0;
}

function isClosing({ code }: SmtpError): boolean {
  return code === 'MB_SMTP_SERVICE_CLOSING';
}

/** Whether the server or the network ended the session. */
export function endedByPeer(error: SmtpError | undefined): boolean {
  return error?.code === 'MB_SMTP_CONNECTION_LOST' || error?.code === 'MB_SMTP_SERVICE_CLOSING';
}

function stale(cause: SmtpError): SmtpError {
  return new SmtpError(
    'The connection was closed before the server read anything of this message. Connect again.',
    {
      code: 'MB_SMTP_CONNECTION_STALE',
      kind: 'network',
      scope: 'session',
      stage: 'idle',
      retryable: true,
      reply: cause.reply,
      cause,
    },
  );
}

function stageOfLoss({ writer, facts, envelopeAwaited }: Transaction): Stage {
  if (writer === 'content') return 'content';
  if (writer === 'sent') return 'final';
  if (writer === 'go-ahead' && !envelopeAwaited) return 'data';
  return facts.answered ? 'rcpt' : 'mail';
}

function misplaced(stage: Stage, reply: Reply): SmtpError {
  return new SmtpError(
    `The server answered ${reply.code} where no such reply is allowed; the session was closed.`,
    {
      code: 'MB_SMTP_REPLY_UNEXPECTED',
      kind: 'peer-misbehaved',
      scope: 'session',
      stage,
      retryable: true,
      reply,
    },
  );
}

function refusedMidway(reply: Reply): SmtpError {
  return new SmtpError(`The server answered ${reply.code} while content was sent; the session was closed.`, {
    code: 'MB_SMTP_CONNECTION_LOST',
    kind: 'rejected',
    scope: 'session',
    stage: 'content',
    retryable: true,
    reply,
  });
}

/** RFC 5321 §3.8: 421 announces the end of the session. */
export function serviceClosing(stage: Stage, reply: Reply): SmtpError {
  return new SmtpError('The server ended the session (421); try again later.', {
    code: 'MB_SMTP_SERVICE_CLOSING',
    kind: 'rejected',
    scope: 'host',
    stage,
    retryable: true,
    reply,
  });
}
