import type { SmtpError } from '../../errors.ts';
import { ContentWriter, commandRoom } from '../content/content-writer.ts';
import type { TransmitBlock } from '../content/transmit-block.ts';
import type { Capabilities } from '../session/capabilities.ts';
import type { SessionEvent } from '../session/events.ts';
import { cleanRunToDouble, type HostExperience, largestWindow } from '../session/host-experience.ts';
import type { SessionLimits } from '../session/limits.ts';
import { formatMail, formatRcpt } from './commands.ts';
import type { Pipeline } from './pipeline.ts';
import { mailLimit, type PlanFacts, planTransaction } from './plan.ts';
import type { Delivery, Transaction } from './transaction.ts';

/** Idle for longer than this, a connection may be dead without our knowing. */
const doubtfulAfterMs = 1000;

/** With more refusals than these a session does not run ahead again: Postfix allows 20 before it hangs up. */
const mostRefusals = 4;

/** How far commands may run ahead of their replies. */
export type Pipelining = 'off' | 'within-message' | 'across-messages';

/** What the write side needs from the session around it. */
export interface SenderContext {
  readonly pipeline: Pipeline;
  readonly limits: SessionLimits;
  readonly pipelining: Pipelining;
  readonly chunking: boolean;
  readonly protocol: 'smtp' | 'lmtp';
  readonly experience: HostExperience;
  emit(event: SessionEvent): void;
  /** Ends the session. */
  fail(error: SmtpError): void;
}

/**
 * Writes transactions one after the other, as far ahead of the replies as the server allows.
 *
 * RFC 2920 §3.1: MAIL, RCPT… and DATA form one group, and the content of one message may stand at the head of the
 * next message's group. RFC 3030 §4.2: with CHUNKING nothing has to be waited for between messages.
 */
export class Sender {
  readonly #context: SenderContext;
  readonly content: ContentWriter;
  /** What transactions are planned by; unknown until the session is ready. */
  #facts: PlanFacts | undefined;
  /** Deliveries that still have recipients for a transaction. */
  readonly waiting: Delivery[] = [];
  /** Transactions whose MAIL may be on the wire and that are not over, oldest first. */
  readonly open: Transaction[] = [];
  /** The one transaction that is being written. */
  writing: Transaction | undefined;
  /** MAILs written in this session. */
  mails = 0;
  /** Messages that the server has answered to their end in this session. */
  answered = 0;
  #last: Transaction | undefined;
  #loneDot = false;
  /** False once the server has shown that it cannot take a message before it has answered the one before. */
  #mayOverlap = true;
  /** Refusals in this session, and what they leave of the window. */
  #refusals = 0;
  #ownWindow = largestWindow;
  #ownRun = 0;
  /** The server does not do as it says, so each command waits for its reply. */
  #cautious = false;
  #idleSince = 0;

  constructor(context: SenderContext) {
    this.#context = context;
    this.content = new ContentWriter(context);
  }

  /** Lets transactions begin, now that the session is ready. */
  start(offered: Capabilities, secure: boolean): void {
    const { limits, chunking, experience } = this.#context;
    experience.offered(offered.limits);
    this.#facts = { offered, secure, limits, chunking, experience, learnedRecipients: undefined };
  }

  /** Whether each command waits for its reply. */
  get #lockstep(): boolean {
    return this.#cautious || this.#context.pipelining === 'off' || !this.#facts!.offered.pipelining;
  }

  get idle(): boolean {
    return this.open.length === 0 && this.waiting.length === 0;
  }

  /** MAILs that the server still takes in this session (RFC 9422 §4.1, or learnt). */
  get mailsLeft(): number {
    return (this.#context.experience.messagesPerSession ?? Infinity) - this.mails;
  }

  /** Since when the oldest transaction is under way. */
  get since(): number | undefined {
    return this.open[0]?.oldestSince;
  }

  /** Appends what may be written now to `block`. */
  fill(block: TransmitBlock, now: number): void {
    while (block.room > commandRoom) {
      if (this.writing === undefined && !this.#begin(now)) return;
      if (this.writing !== undefined && !this.#advance(this.writing, block, now)) return;
    }
  }

  /** The server asked for a message that nobody gets: an empty one is written (RFC 2920 §3.1). */
  writeLoneDot(): void {
    this.#loneDot = true;
  }

  /** Takes a transaction out of the books. */
  forget(transaction: Transaction, now: number): void {
    const index = this.open.indexOf(transaction);
    if (index >= 0) {
      this.open.splice(index, 1);
      if (index === 0 && this.open.length > 0) this.open[0]!.oldestSince = now;
      if (!transaction.redone) {
        this.answered += 1;
        this.#context.experience.answered(!transaction.refused, this.answered);
        this.#count(!transaction.refused);
      }
    }
    if (this.writing === transaction) this.writing = undefined;
    if (this.open.length === 0) this.#idleSince = now;
  }

  #begin(now: number): boolean {
    const facts = this.#facts;
    const delivery = this.waiting[0];
    if (delivery === undefined || facts === undefined || !this.#mayBegin()) return false;
    if (this.mailsLeft <= 0) {
      this.waiting.shift();
      this.#outOfMails(delivery, this.#context.experience.messagesPerSession!);
      return true;
    }
    const transaction = planTransaction(delivery, facts);
    if (delivery.remaining.length === 0) this.waiting.shift();
    if (transaction === undefined) {
      this.settle(delivery);
      return true;
    }
    delivery.transactions += 1;
    transaction.doubtful =
      this.mails > 0 && this.open.length === 0 && now - this.#idleSince > doubtfulAfterMs;
    transaction.overlapped = this.open.length > 0;
    transaction.first = this.mails === 0 && this.open.length === 0;
    this.writing = transaction;
    if (this.open.length === 0) transaction.oldestSince = now;
    this.open.push(transaction);
    transaction.step('begin');
    return true;
  }

  #outOfMails(delivery: Delivery, mailMax: number): void {
    const verdict = mailLimit(mailMax);
    if (delivery.transactions === 0 && verdict.status === 'deferred') {
      delivery.settled = true;
      this.#context.emit({ type: 'delivery-not-attempted', id: delivery.id, error: verdict.error });
      return;
    }
    for (const index of delivery.remaining) delivery.decide(index, verdict);
    delivery.remaining = [];
    this.settle(delivery);
  }

  /** Puts the recipients that were too many at the head of the queue. */
  reoffer(transaction: Transaction): void {
    const { delivery, split, accepted } = transaction;
    // What the server took before it said stop is what it takes.
    if (accepted.length > 0 && transaction.splitAt === accepted.length) {
      const facts = this.#facts!;
      facts.learnedRecipients = Math.min(facts.learnedRecipients ?? Infinity, accepted.length);
      if (transaction.splitSaysSo) this.#context.experience.tooManyRecipients(accepted.length);
    }
    delivery.remaining = [...split, ...delivery.remaining];
    transaction.reoffered = true;
    if (this.waiting[0] !== delivery) this.waiting.unshift(delivery);
  }

  /** Puts a transaction back whole, and waits for the answer to each message from now on. */
  postpone(transaction: Transaction): void {
    this.#mayOverlap = false;
    transaction.mailReply = 'refused';
    transaction.redone = true;
    transaction.split.push(...transaction.recipients);
    this.reoffer(transaction);
  }

  /** Puts a transaction back whole: the session has had its messages, and the delivery is told so when its turn comes. */
  putOff(transaction: Transaction): void {
    transaction.mailReply = 'refused';
    transaction.redone = true;
    transaction.delivery.transactions -= 1;
    transaction.split.push(...transaction.recipients);
    this.reoffer(transaction);
  }

  /** Puts a transaction back whole, to be sent by DATA: the server offers CHUNKING and does not know BDAT. */
  useData(transaction: Transaction): void {
    this.#context.experience.chunkingRefused();
    // What it made of the octets of the content is not certain: each further command waits for its reply.
    this.#cautious = true;
    transaction.leftOpen = true;
    transaction.redone = true;
    transaction.split.push(...transaction.accepted);
    this.reoffer(transaction);
  }

  /** Reports a delivery that was not offered to the server. */
  notAttempted({ id }: Delivery, error: SmtpError): void {
    this.#context.emit({ type: 'delivery-not-attempted', id, error });
  }

  /** Reports a delivery once all its recipients have a verdict. */
  settle(delivery: Delivery): void {
    if (delivery.undecided > 0 || delivery.settled) return;
    delivery.settled = true;
    this.#context.emit({ type: 'delivery-settled', delivery });
  }

  #mayBegin(): boolean {
    const { pipelining, limits } = this.#context;
    if (this.open.length === 0) return true;
    if (pipelining !== 'across-messages' || !this.#mayOverlap || this.#lockstep) return false;
    return this.open.length < Math.min(this.#window, limits.chunkingWindow);
  }

  /** Messages that may be in flight now: what the host has earned, less what this session has shown. */
  get #window(): number {
    const { window, endedAfter } = this.#context.experience;
    const most = Math.min(window, this.#ownWindow);
    // Where a session has ended before, this one may end too: nothing stands behind a message there.
    return endedAfter !== undefined && this.answered <= endedAfter && this.mails + most > endedAfter
      ? 1
      : most;
  }

  /** Servers count refusals and hang up at the last one that they allow, so after one the window is earned anew. */
  #count(clean: boolean): void {
    if (!clean) {
      this.#refusals += 1;
      this.#ownWindow = 1;
      this.#ownRun = 0;
      return;
    }
    if (this.#ownWindow >= largestWindow || this.#refusals > mostRefusals) return;
    this.#ownRun += 1;
    if (this.#ownRun < cleanRunToDouble) return;
    this.#ownWindow *= 2;
    this.#ownRun = 0;
  }

  /** Writes on; false when nothing more can be written before something happens. */
  #advance(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    switch (transaction.writer) {
      case 'envelope':
        return this.#writeEnvelope(transaction, block, now);
      case 'content':
        if (!this.content.write(transaction, block, now, this.#lockstep)) return false;
        this.#end(transaction, now);
        return true;
      default:
        return this.#writeDot(transaction, block, now);
    }
  }

  #writeDot(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    if (!this.#loneDot) return false;
    this.#loneDot = false;
    block.line('.');
    this.#context.pipeline.expect('discard', transaction);
    transaction.delivery.transcript.command(now, '. (no recipient was accepted)');
    transaction.ended = true;
    transaction.step('lone-dot');
    this.writing = undefined;
    return true;
  }

  #writeEnvelope(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    const { pipeline } = this.#context;
    const { offered } = this.#facts!;
    const lockstep = this.#lockstep;
    for (;;) {
      if (transaction.void) {
        this.giveUp(transaction, now);
        return true;
      }
      if ((lockstep && pipeline.length > 0) || block.room < commandRoom) return false;
      if (!transaction.mailWritten) {
        if (this.#last && !this.#last.closesItself) {
          // RFC 5321 §4.1.1.5: the transaction before was not ended by its content.
          this.#last = undefined;
          block.line('RSET');
          transaction.delivery.transcript.command(now, 'RSET');
          this.#context.pipeline.expect('reset', transaction);
          continue;
        }
        this.#last = transaction;
        transaction.mailWritten = true;
        this.mails += 1;
        this.#command(
          transaction,
          block,
          formatMail(transaction.delivery.envelope, transaction.mail, offered),
          'mail',
          now,
        );
      } else if (transaction.written < transaction.recipients.length) {
        const index = transaction.recipients[transaction.written++]!;
        this.#command(
          transaction,
          block,
          formatRcpt(transaction.delivery.envelope.to[index]!, offered),
          'rcpt',
          now,
          index,
        );
      } else {
        return this.#beginContent(transaction, block, now);
      }
    }
  }

  #command(
    transaction: Transaction,
    block: TransmitBlock,
    text: string,
    stage: 'mail' | 'rcpt',
    now: number,
    recipient?: number,
  ): void {
    block.line(text);
    transaction.awaited += 1;
    transaction.delivery.transcript.command(now, text);
    this.#context.pipeline.expect(stage, transaction, recipient);
  }

  #beginContent(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    if (transaction.mode === 'bdat') {
      if (transaction.awaited > 0 && !this.#eager(transaction)) return false;
      transaction.step('chunks-begin');
      return true;
    }
    block.line('DATA');
    transaction.delivery.transcript.command(now, 'DATA');
    this.#context.pipeline.expect('data', transaction);
    transaction.step('data-written');
    return true;
  }

  /** Whether content goes out before it is known that anybody gets it: only when that costs little. */
  #eager({ whole, doubtful }: Transaction): boolean {
    const { limits, pipelining, protocol } = this.#context;
    if (protocol === 'lmtp') return false;
    // A host that hangs up at a recipient with content unread resets the connection, and its reply may be lost.
    if (this.#window === 1) return false;
    return (
      pipelining === 'across-messages' &&
      !doubtful &&
      whole !== undefined &&
      whole.scan.textSize <= limits.eagerOctets
    );
  }

  /** The server has, or will have, no use for this transaction: nothing more of it is written. */
  giveUp(transaction: Transaction, now: number): void {
    transaction.step('given-up');
    if (this.writing === transaction) this.writing = undefined;
    if (transaction.awaited === 0 && transaction.chunksAwaited === 0) this.forget(transaction, now);
  }

  /** The last octet is in the block: from here on only the server knows (RFC 5321 §4.2.5). */
  #end(transaction: Transaction, now: number): void {
    const { delivery } = transaction;
    const { pipeline, protocol } = this.#context;
    const octets = transaction.whole ? (transaction.mail.size ?? 0) : transaction.sent;
    delivery.transcript.note(now, `${octets} octets of content sent`);
    // RFC 2033 §4.2: LMTP answers once per accepted recipient, in the order of RCPT.
    if (protocol !== 'lmtp') pipeline.expect('final', transaction);
    else for (const index of transaction.accepted) pipeline.expect('final', transaction, index);
    transaction.ended = true;
    transaction.step('last-octet');
    this.writing = undefined;
  }
}
