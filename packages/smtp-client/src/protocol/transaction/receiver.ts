import { type Reply, SmtpError, type Stage } from '../../errors.ts';
import { type HostExperience, saysSessionFull } from '../session/host-experience.ts';
import { LOSS, REPLIES, type ReplyClass, type TransactionStage } from '../session/transitions.ts';
import type { Expected, Pipeline } from './pipeline.ts';
import type { Sender } from './sender.ts';
import type { Transaction } from './transaction.ts';
import { notAccepted, refusal, unknownOutcome } from './verdict.ts';

/** What the reply side needs from the session around it. */
export interface ReceiverContext {
  readonly sender: Sender;
  readonly pipeline: Pipeline;
  readonly experience: HostExperience;
  /** Ends the session. */
  fail(error: SmtpError): void;
}

/** Reads the replies to transactions and gives every recipient its verdict. */
export class Receiver {
  readonly #context: ReceiverContext;

  constructor(context: ReceiverContext) {
    this.#context = context;
  }

  /** The reply to a command of a transaction. */
  reply(expected: Expected, reply: Reply, now: number): void {
    const transaction = expected.transaction!;
    const { sender } = this.#context;
    transaction.delivery.transcript.reply(now, reply);
    const stage = stageOf(expected, transaction);
    const effect = REPLIES[stage][classOf(expected, reply, transaction, sender.answered)];
    // A 421 in the place of the reply to MAIL may as well have been on its way before.
    if (effect !== 'close' || expected.stage !== 'mail') transaction.answered = expected.stage !== 'reset';
    if (expected.stage === 'mail' || expected.stage === 'rcpt') transaction.awaited -= 1;
    if (expected.stage === 'chunk') transaction.chunksAwaited -= 1;
    switch (effect) {
      case 'accept':
        this.#accept(expected, transaction);
        break;
      case 'defer':
      case 'refuse':
        this.#refuse(expected, transaction, reply, now);
        break;
      case 'split':
        if (transaction.split.length === 0) transaction.splitAt = transaction.accepted.length;
        transaction.split.push(expected.recipient!);
        transaction.splitSaysSo ||= saysTooMany(reply);
        break;
      case 'use-data':
        sender.useData(transaction);
        if (expected.stage === 'chunk') this.#stopChunks(transaction, reply, now);
        break;
      case 'postpone':
        sender.postpone(transaction);
        break;
      case 'renew':
        this.#context.experience.sessionFull(sender.answered);
        sender.putOff(transaction);
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
        if (stage === 'rcpt-void' && reply.code < 300) transaction.confused = true;
        if (stage === 'data-void') sender.giveUp(transaction, now);
        break;
      case 'drop':
      case 'never': {
        const error = misplaced(expected.stage, reply);
        // RFC 5321 §4.2: an answer, if a wrong one; so nobody it is about is left in doubt.
        if (expected.recipient !== undefined)
          transaction.delivery.decide(expected.recipient, notAccepted(expected.stage, error));
        else this.#decideOpen(transaction, notAccepted(expected.stage, error));
        this.#context.fail(error);
        return;
      }
      case 'close': {
        const error = serviceClosing(expected.stage, reply);
        if (transaction.answered) this.#decideOpen(transaction, notAccepted(expected.stage, error));
        this.#context.fail(error);
        return;
      }
    }
    this.#afterReply(expected, transaction, now);
  }

  /** A reply that nothing asked for; while content is written it can only be about that content. */
  unsolicited(reply: Reply, now: number): void {
    const { writing } = this.#context.sender;
    writing?.delivery.transcript.reply(now, reply);
    if (reply.code === 421) {
      this.#context.fail(serviceClosing(writing ? 'content' : 'idle', reply));
      return;
    }
    if (writing?.writer !== 'content' || reply.code < 400) {
      this.#context.fail(misplaced('idle', reply));
      return;
    }
    // RFC 5321 §4.1.1.4 does not foresee it, but servers refuse large content midway; only closing abandons it.
    this.#decideOpen(writing, refusal('content', reply));
    this.#context.sender.settle(writing.delivery);
    this.#context.fail(refusedMidway(reply));
  }

  /** The session is over: everybody without an answer gets the verdict that is true. */
  lost(error: SmtpError, now: number): void {
    const { sender } = this.#context;
    const open = sender.open.splice(0);
    if (open.length > 0) this.#learn(open[0]!, error);
    const ended = endedByPeer(error);
    for (const [place, transaction] of open.entries()) {
      const { delivery } = transaction;
      // What stands behind the first one without an answer was not read, unless the server was silent about all of it.
      const unread =
        ended && !transaction.answered && (place > 0 || !transaction.first) && isUnread(transaction, error);
      if (unread && isWhole(transaction)) {
        delivery.remaining = [];
        delivery.settled = true;
        sender.notAttempted(delivery, stale(error));
      } else {
        // RFC 5321 §3.8: after 421 the server has done nothing more, so even what is sent was not accepted.
        const maybe = LOSS[transaction.writer] === 'unknown' && !isClosing(error);
        const verdict = maybe ? unknownOutcome(error) : notAccepted(stageOfLoss(transaction), error, unread);
        this.#decideOpen(transaction, verdict);
      }
      if (transaction.writer !== 'over') transaction.step('lost');
    }
    for (const transaction of open) {
      const { delivery } = transaction;
      if (delivery.settled) continue;
      const postpone = transaction.reoffered ? [] : transaction.split;
      for (const index of [...delivery.remaining, ...postpone])
        delivery.decide(index, notAccepted('plan', error, ended));
      delivery.transcript.note(now, error.message);
      sender.settle(delivery);
    }
    for (const delivery of sender.waiting.splice(0)) {
      if (delivery.settled) continue;
      if (delivery.transactions === 0) {
        delivery.settled = true;
        sender.notAttempted(delivery, ended ? stale(error) : error);
        continue;
      }
      for (const index of delivery.remaining) delivery.decide(index, notAccepted('plan', error, ended));
      sender.settle(delivery);
    }
    sender.writing = undefined;
  }

  /** What the end of a session with messages in flight says about the host. */
  #learn(first: Transaction, error: SmtpError): void {
    const { sender, experience } = this.#context;
    // Our own doing says nothing about the host.
    if (error.kind === 'aborted' || error.kind === 'api-misuse' || error.kind === 'internal') return;
    experience.lost();
    if (endedByPeer(error) && first.mailReply === 'awaited' && !first.answered)
      experience.endedBetween(sender.answered, isClosing(error) ? error.reply?.lines.join(' ') : undefined);
  }

  #accept(expected: Expected, transaction: Transaction): void {
    if (expected.stage === 'mail') transaction.mailReply = 'accepted';
    if (expected.stage === 'rcpt') transaction.accepted.push(expected.recipient!);
  }

  #refuse(expected: Expected, transaction: Transaction, reply: Reply, now: number): void {
    const { delivery } = transaction;
    const { sender } = this.#context;
    transaction.refused = true;
    const verdict = refusal(expected.stage as 'mail' | 'rcpt' | 'data' | 'chunk' | 'final', reply);
    if (expected.recipient !== undefined) {
      delivery.decide(expected.recipient, verdict);
      return;
    }
    if (expected.stage === 'mail') {
      transaction.mailReply = 'refused';
      for (const index of transaction.recipients) delivery.decide(index, verdict);
      return;
    }
    this.#decideOpen(transaction, verdict);
    if (expected.stage === 'data') sender.giveUp(transaction, now);
    if (expected.stage === 'chunk') this.#stopChunks(transaction, reply, now);
  }

  /** RFC 3030 §2: a chunk that has begun must be completed or the connection closed; no further one is sent. */
  #stopChunks(transaction: Transaction, reply: Reply, now: number): void {
    if (transaction.writer !== 'content') return;
    if (transaction.chunkBegun) this.#context.fail(refusedMidway(reply));
    else this.#context.sender.giveUp(transaction, now);
  }

  #deliver(expected: Expected, transaction: Transaction, reply: Reply): void {
    const verdict = { status: 'delivered', stage: 'final', reply } as const;
    if (expected.recipient !== undefined) transaction.delivery.decide(expected.recipient, verdict);
    else this.#decideOpen(transaction, verdict);
  }

  #loneDot(transaction: Transaction, reply: Reply): void {
    // With a recipient accepted after MAIL was refused, a dot might deliver an empty message: only closing is safe.
    if (transaction.confused) this.#context.fail(misplaced('data', reply));
    else this.#context.sender.writeLoneDot();
  }

  /** Gives `verdict` to the recipients of a transaction that have none and are not put off to another one. */
  #decideOpen(transaction: Transaction, verdict: Parameters<Transaction['delivery']['decide']>[1]): void {
    const postpone = transaction.split.length === 0 ? undefined : new Set(transaction.split);
    for (const index of transaction.recipients) {
      if (!postpone?.has(index)) transaction.delivery.decide(index, verdict);
    }
  }

  #afterReply(expected: Expected, transaction: Transaction, now: number): void {
    const { sender, pipeline } = this.#context;
    const envelopeDone =
      (expected.stage === 'mail' || expected.stage === 'rcpt') &&
      transaction.awaited === 0 &&
      (transaction.written === transaction.recipients.length || transaction.mailReply === 'refused');
    if (envelopeDone && transaction.split.length > 0 && !transaction.reoffered) sender.reoffer(transaction);
    const last = pipeline.first?.transaction !== transaction;
    if (transaction.writer === 'sent' && last && isEnd(expected)) transaction.step('settled');
    if (transaction.writer === 'over' && last) sender.forget(transaction, now);
    sender.settle(transaction.delivery);
  }
}

function isEnd({ stage }: Expected): boolean {
  return stage === 'final' || stage === 'discard';
}

/** The row of REPLIES: a transaction that can deliver to nobody has rows of its own. */
function stageOf({ stage }: Expected, transaction: Transaction): TransactionStage {
  if (stage === 'rcpt' && transaction.mailReply === 'refused') return 'rcpt-void';
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
  if (code === 503) return stage === 'mail' && transaction.overlapped ? '503-overlapped' : '503';
  // RFC 5321 §4.5.3.1.10 and RFC 3463 §3.6: too many recipients, said in three ways. A status about the mailbox
  // (x.2.z) says plainly that it is about this recipient.
  const tooMany = code === 452 || code === 552 || enhanced?.endsWith('.5.3') === true;
  const splits =
    stage === 'rcpt' && transaction.mailReply !== 'refused' && recipient !== transaction.recipients[0];
  if (tooMany && code >= 400 && splits && enhanced?.[2] !== '2') return 'too-many';
  if (code < 300) return '2yz';
  if (code < 400) return '3yz';
  // A session that has taken nothing cannot have had its messages.
  if (code < 500 && stage === 'mail' && answered > 0 && saysSessionFull(reply)) return 'session-full';
  return code < 500 ? '4yz' : '5yz';
}

/** BDAT for somebody who was accepted is in its place, so the server does not know it; binary content goes no other way. */
function knowsNoBdat({ accepted, mail, redone }: Transaction): boolean {
  return accepted.length > 0 && mail.body !== 'binarymime' && !redone;
}

/** RFC 3463 §3.6: x.5.3 is too many recipients; a bare 452 may be about room (RFC 5321 §4.2.3). */
function saysTooMany({ enhanced, lines }: Reply): boolean {
  return enhanced?.endsWith('.5.3') === true || /too many (?:recipients|rcpts?)/i.test(lines.join(' '));
}

/** Whether the server certainly did nothing with a transaction that has no answer. */
function isUnread({ writer }: Transaction, error: SmtpError): boolean {
  return isClosing(error) || writer !== 'sent';
}

/** Whether a transaction is all of its delivery and nobody has a verdict. */
function isWhole({ delivery, split }: Transaction): boolean {
  return delivery.undecided === delivery.verdicts.length && delivery.transactions === 1 && split.length === 0;
}

function isClosing({ code }: SmtpError): boolean {
  return code === 'MB_SMTP_SERVICE_CLOSING';
}

/** The server or the network ended the session, not we. */
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

function stageOfLoss({ writer, mailReply, awaited }: Transaction): Stage {
  if (writer === 'content') return 'content';
  if (writer === 'sent') return 'final';
  if (writer === 'go-ahead' && awaited === 0) return 'data';
  return mailReply === 'awaited' ? 'mail' : 'rcpt';
}

function misplaced(stage: Stage, reply: Reply): SmtpError {
  return new SmtpError(
    `The server answered ${reply.code} where that makes no sense; the session was closed.`,
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
