import type { SmtpError } from '../errors.ts';
import type { Capabilities } from './capabilities.ts';
import { formatMail, formatRcpt } from './commands.ts';
import { convertText } from './dot-stuffer.ts';
import type { SessionEvent } from './events.ts';
import type { SessionLimits } from './limits.ts';
import type { Pipeline } from './pipeline.ts';
import { mailLimit, planTransaction } from './plan.ts';
import type { ReplyStage } from './timeouts.ts';
import type { Delivery, Transaction, WholeContent } from './transaction.ts';
import type { TransmitBlock } from './transmit-block.ts';
import { incapable } from './verdict.ts';

/** Longest command that is ever written, with room to spare: addresses and parameters are bounded. */
const commandRoom = 4096;
/** Octets of streamed content gathered before they are worth a BDAT of their own. */
const chunkOctets = 65_536;
/** Idle for longer than this, a connection may be dead without our knowing. */
const doubtfulAfterMs = 1000;

const lineEnd = new Uint8Array([13, 10]);

/** How far commands may run ahead of their replies. */
export type Pipelining = 'off' | 'within-message' | 'across-messages';

/** What the write side needs from the session around it. */
export interface SenderContext {
  readonly pipeline: Pipeline;
  readonly limits: SessionLimits;
  readonly pipelining: Pipelining;
  readonly chunking: boolean;
  readonly protocol: 'smtp' | 'lmtp';
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
  offered: Capabilities | undefined;
  secure = false;
  /** Deliveries that still have recipients for a transaction. */
  readonly waiting: Delivery[] = [];
  /** Transactions whose MAIL may be on the wire and that are not over, oldest first. */
  readonly open: Transaction[] = [];
  /** The one transaction that is being written. */
  writing: Transaction | undefined;
  learnedRecipients: number | undefined;
  /** MAILs written in this session. */
  mails = 0;
  #last: Transaction | undefined;
  #loneDot = false;
  /** False once the server has shown that it cannot take a message before it has answered the one before. */
  #mayOverlap = true;
  #idleSince = 0;

  constructor(context: SenderContext) {
    this.#context = context;
  }

  get idle(): boolean {
    return this.open.length === 0 && this.waiting.length === 0;
  }

  /** Whether the server's LIMITS allow one more MAIL. */
  get mailsLeft(): number {
    return (this.offered?.limits.mailMax ?? Infinity) - this.mails;
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
    if (index >= 0) this.open.splice(index, 1);
    if (this.writing === transaction) this.writing = undefined;
    if (this.open.length === 0) this.#idleSince = now;
  }

  #begin(now: number): boolean {
    const { offered } = this;
    const delivery = this.waiting[0];
    if (delivery === undefined || offered === undefined || !this.#mayBegin()) return false;
    if (this.mailsLeft <= 0) {
      this.waiting.shift();
      this.#outOfMails(delivery, offered.limits.mailMax!);
      return true;
    }
    const { limits, chunking } = this.#context;
    const { secure, learnedRecipients } = this;
    const transaction = planTransaction(delivery, { offered, secure, limits, learnedRecipients, chunking });
    if (delivery.remaining.length === 0) this.waiting.shift();
    if (transaction === undefined) {
      this.settle(delivery);
      return true;
    }
    delivery.transactions += 1;
    transaction.doubtful =
      this.mails > 0 && this.open.length === 0 && now - this.#idleSince > doubtfulAfterMs;
    transaction.overlapped = this.open.length > 0;
    transaction.reused = this.mails > 0 && this.open.length === 0;
    this.writing = transaction;
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
      this.learnedRecipients = Math.min(this.learnedRecipients ?? Infinity, accepted.length);
    }
    delivery.remaining = [...split, ...delivery.remaining];
    transaction.reoffered = true;
    if (this.waiting[0] !== delivery) this.waiting.unshift(delivery);
  }

  /** Puts a transaction back whole, and waits for the answer to each message from now on. */
  postpone(transaction: Transaction): void {
    this.#mayOverlap = false;
    transaction.mailReply = 'refused';
    transaction.split.push(...transaction.recipients);
    this.reoffer(transaction);
  }

  /** Reports a delivery that was not offered to the server. */
  notAttempted({ id }: Delivery, error: SmtpError): void {
    this.#context.emit({ type: 'delivery-not-attempted', id, error });
  }

  /** Gives octets of streamed content to the transaction that asked for them. */
  provide(transaction: Transaction, chunk: Uint8Array): void {
    const { source, stuffer, mode, mail } = transaction;
    source.asked = false;
    source.push(mode === 'bdat' && mail.body !== 'binarymime' ? convertText(stuffer, chunk) : chunk);
    if (mode === 'bdat') this.#tooWide(transaction);
  }

  /** Ends streamed content. */
  endContent(transaction: Transaction): void {
    const { source, stuffer, mode, mail } = transaction;
    source.asked = false;
    if (mode === 'bdat' && mail.body !== 'binarymime' && stuffer.openLine) source.push(lineEnd);
    source.end();
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
    if (pipelining !== 'across-messages' || !this.#mayOverlap || !this.offered?.pipelining) return false;
    return this.open.length < limits.chunkingWindow;
  }

  /** Writes on; false when nothing more can be written before something happens. */
  #advance(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    switch (transaction.writer) {
      case 'envelope':
        return this.#writeEnvelope(transaction, block, now);
      case 'content':
        return transaction.mode === 'data'
          ? this.#writeData(transaction, block, now)
          : this.#writeChunks(transaction, block, now);
      default:
        return this.#writeDot(transaction, block, now);
    }
  }

  #writeDot(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    if (!this.#loneDot) return false;
    this.#loneDot = false;
    block.line('.');
    this.#expect('discard', transaction, now);
    transaction.delivery.transcript.add(now, 'client', '. (no recipient was accepted)');
    transaction.ended = true;
    transaction.step('lone-dot');
    this.writing = undefined;
    return true;
  }

  #writeEnvelope(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    const { pipeline, pipelining } = this.#context;
    const offered = this.offered!;
    const lockstep = pipelining === 'off' || !offered.pipelining;
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
          transaction.delivery.transcript.add(now, 'client', 'RSET');
          this.#expect('reset', transaction, now);
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
    transaction.delivery.transcript.add(now, 'client', text);
    this.#expect(stage, transaction, now, recipient);
  }

  #expect(stage: ReplyStage, transaction: Transaction, sentAt: number, recipient?: number): void {
    const { pipeline } = this.#context;
    pipeline.push(
      recipient === undefined ? { stage, transaction, sentAt } : { stage, transaction, sentAt, recipient },
    );
  }

  #beginContent(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    if (transaction.mode === 'bdat') {
      if (transaction.awaited > 0 && !this.#eager(transaction)) return false;
      transaction.step('chunks-begin');
      return true;
    }
    block.line('DATA');
    transaction.delivery.transcript.add(now, 'client', 'DATA');
    this.#expect('data', transaction, now);
    transaction.step('data-written');
    return true;
  }

  /** Whether content goes out before it is known that anybody gets it: only when that costs little. */
  #eager({ whole, doubtful }: Transaction): boolean {
    const { limits, pipelining, protocol } = this.#context;
    if (protocol === 'lmtp') return false;
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

  /** Content after 354: text mode with dots (RFC 5321 §4.5.2), ended by CRLF.CRLF. */
  #writeData(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    const { whole } = transaction;
    if (whole) {
      while (transaction.offset < whole.octets.length) {
        if (block.room < commandRoom) return false;
        this.#writeWhole(transaction, whole, block);
      }
    } else if (!this.#writeStream(transaction, block)) {
      return false;
    }
    if (block.room < commandRoom) return false;
    // Canonical text was copied and ends in CRLF; anything else went through the stuffer.
    if (!whole?.scan.canonical && transaction.stuffer.openLine) block.line('');
    block.line('.');
    this.#end(transaction, now);
    return true;
  }

  /** As much of the content as fits; text that is canonical is copied from dot to dot. */
  #writeWhole(transaction: Transaction, { octets, scan }: WholeContent, block: TransmitBlock): void {
    const { dots } = scan;
    if (!scan.canonical || dots === undefined) {
      const { read, written } = transaction.stuffer.write(
        octets,
        transaction.offset,
        block.octets,
        block.length,
      );
      transaction.offset += read;
      block.length += written;
      return;
    }
    if (dots[transaction.dotsPassed] === transaction.offset) {
      block.octets[block.length++] = 46;
      transaction.dotsPassed += 1;
    }
    const end = dots[transaction.dotsPassed] ?? octets.length;
    transaction.offset += block.copy(octets, transaction.offset, end - transaction.offset);
  }

  /** Streamed content as far as it has come; true when all of it is in the block. */
  #writeStream(transaction: Transaction, block: TransmitBlock): boolean {
    const { source } = transaction;
    for (let chunk = source.first; chunk !== undefined; chunk = source.first) {
      if (block.room < commandRoom) return false;
      const { read, written } = transaction.stuffer.write(chunk, 0, block.octets, block.length);
      block.length += written;
      transaction.sent += read;
      source.use(read);
      if (this.#tooWide(transaction)) return false;
    }
    return source.ended || this.#ask(transaction);
  }

  /** Streamed content that has to be 7-bit and is not: the transaction is abandoned, which only closing does. */
  #tooWide({ mail, stuffer, delivery, recipients }: Transaction): boolean {
    if (mail.body !== '7bit' || stuffer.bits < 128) return false;
    const verdict = incapable(
      'MB_SMTP_8BITMIME_NOT_OFFERED',
      '5.6.3',
      'The content has 8-bit octets where it had to be 7-bit; describe it with envelope.body, or encode it.',
    );
    for (const index of recipients) delivery.decide(index, verdict);
    this.#context.fail(verdict.error);
    return true;
  }

  #ask(transaction: Transaction): false {
    const { source } = transaction;
    if (!source.asked) {
      source.asked = true;
      this.#context.emit({ type: 'content-wanted', id: transaction.delivery.id, restart: !source.begun });
    }
    return false;
  }

  /** Content by BDAT (RFC 3030 §2): counted, not stuffed. */
  #writeChunks(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    const { pipeline, limits, pipelining } = this.#context;
    const lockstep = pipelining === 'off' || !this.offered!.pipelining;
    for (;;) {
      if (block.room < commandRoom) return false;
      if (transaction.chunkLeft > 0) {
        this.#writeChunkOctets(transaction, block);
        if (transaction.chunkLeft > 0) return false;
      }
      if (transaction.chunkBegun) {
        transaction.chunkBegun = false;
        if (transaction.chunkLast) {
          this.#end(transaction, now);
          return true;
        }
        transaction.chunksAwaited += 1;
        this.#expect('chunk', transaction, now);
      }
      if ((lockstep && pipeline.length > 0) || transaction.chunksAwaited >= limits.chunkingWindow)
        return false;
      if (!this.#beginChunk(transaction, block, now)) return false;
    }
  }

  #beginChunk(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    const { whole } = transaction;
    let size: number;
    if (whole) {
      size = transaction.mail.body === 'binarymime' ? whole.octets.length : whole.scan.textSize;
      transaction.chunkLast = true;
    } else {
      const { source } = transaction;
      if (source.octets < chunkOctets && !source.ended) return this.#ask(transaction);
      size = source.octets;
      transaction.chunkLast = source.ended;
    }
    transaction.chunkLeft = size;
    transaction.chunkBegun = true;
    const command = `BDAT ${size}${transaction.chunkLast ? ' LAST' : ''}`;
    block.line(command);
    transaction.delivery.transcript.add(now, 'client', command);
    return true;
  }

  #writeChunkOctets(transaction: Transaction, block: TransmitBlock): void {
    const { whole } = transaction;
    if (!whole) {
      const { source } = transaction;
      while (transaction.chunkLeft > 0 && block.room > 0) {
        const count = block.copy(source.first!, 0, transaction.chunkLeft);
        source.use(count);
        transaction.chunkLeft -= count;
        transaction.sent += count;
      }
      return;
    }
    if (transaction.mail.body === 'binarymime' || whole.scan.canonical) {
      const count = block.copy(whole.octets, transaction.offset, Infinity);
      transaction.offset += count;
      transaction.chunkLeft -= count;
      return;
    }
    const { read, written } = transaction.stuffer.write(
      whole.octets,
      transaction.offset,
      block.octets,
      block.length,
    );
    transaction.offset += read;
    transaction.chunkLeft -= written;
    block.length += written;
    if (transaction.offset === whole.octets.length && transaction.stuffer.openLine && block.room >= 2) {
      block.line('');
      transaction.chunkLeft -= 2;
    }
  }

  /** The last octet is in the block: from here on only the server knows (RFC 5321 §4.2.5). */
  #end(transaction: Transaction, now: number): void {
    const { delivery } = transaction;
    const octets = transaction.whole ? (transaction.mail.size ?? 0) : transaction.sent;
    delivery.transcript.add(now, 'note', `${octets} octets of content sent`);
    if (!transaction.whole) delivery.streamedOctets = transaction.sent;
    // RFC 2033 §4.2: LMTP answers once per accepted recipient, in the order of RCPT.
    const awaitedFor = this.#context.protocol === 'lmtp' ? transaction.accepted : [undefined];
    for (const recipient of awaitedFor) this.#expect('final', transaction, now, recipient);
    transaction.ended = true;
    transaction.step('last-octet');
    this.writing = undefined;
  }
}
