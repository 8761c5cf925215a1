import type { SmtpError } from '../../errors.ts';
import { ContentWriter, commandRoom } from '../content/content-writer.ts';
import type { TransmitBlock } from '../content/transmit-block.ts';
import type { Capabilities } from '../session/capabilities.ts';
import type { SessionEvent } from '../session/events.ts';
import type { SessionLimits } from '../session/limits.ts';
import { formatMail, formatRcpt } from './commands.ts';
import type { FlightWindow, Pipelining } from './flight-window.ts';
import type { TransactionLedger } from './ledger.ts';
import type { Pipeline } from './pipeline.ts';
import type { Transaction } from './transaction.ts';

/** What Sender needs from the session. */
export interface SenderContext {
  readonly pipeline: Pipeline;
  readonly ledger: TransactionLedger;
  readonly window: FlightWindow;
  readonly limits: SessionLimits;
  readonly pipelining: Pipelining;
  readonly protocol: 'smtp' | 'lmtp';
  emit(event: SessionEvent): void;
  /** Ends the session. */
  fail(error: SmtpError): void;
}

/**
 * Writes transactions one after the other, as far ahead of the replies as the window allows.
 *
 * RFC 2920 §3.1: MAIL, RCPT… and DATA form one group, and the content of one message may be at the head of the next
 * message's group. RFC 3030 §4.2: with CHUNKING, no wait is needed between messages.
 */
export class Sender {
  readonly #context: SenderContext;
  readonly #content: ContentWriter;
  /** Capabilities of the server; undefined until the session is ready. */
  #offered: Capabilities | undefined;
  /** The transaction whose MAIL was written last. */
  #last: Transaction | undefined;
  #loneDot = false;

  constructor(context: SenderContext) {
    this.#context = context;
    this.#content = new ContentWriter(context);
  }

  /** Allows commands to be written, since the session is ready. */
  start(offered: Capabilities): void {
    this.#offered = offered;
  }

  /** Appends what may be written now to `block`. */
  fill(block: TransmitBlock, now: number): void {
    const { ledger } = this.#context;
    while (block.room > commandRoom) {
      if (ledger.writing === undefined && !ledger.begin(now)) return;
      if (ledger.writing !== undefined && !this.#advance(ledger.writing, block, now)) return;
    }
  }

  /** Writes an empty message, after a 354 for a transaction without recipients (RFC 2920 §3.1). */
  writeLoneDot(): void {
    this.#loneDot = true;
  }

  /** Provides octets of the content of delivery `id`. */
  provideContent(id: number, octets: Uint8Array): void {
    const { writing } = this.#context.ledger;
    if (writing?.delivery.id === id) this.#content.provide(writing, octets);
  }

  /** Ends the content of delivery `id`. */
  endContent(id: number): void {
    const { writing } = this.#context.ledger;
    if (writing?.delivery.id === id) this.#content.end(writing);
  }

  /** Continues to write; returns false when writing must wait. */
  #advance(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    switch (transaction.writer) {
      case 'waiting':
      case 'envelope':
        return this.#writeEnvelope(transaction, block, now);
      case 'content':
        if (!this.#content.write(transaction, block, now, this.#context.window.lockstep)) return false;
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
    this.#context.ledger.written(transaction, 'lone-dot');
    return true;
  }

  #writeEnvelope(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    const { pipeline, ledger } = this.#context;
    const { lockstep } = this.#context.window;
    const offered = this.#offered!;
    const { envelope } = transaction.delivery;
    for (;;) {
      if (transaction.void) {
        ledger.giveUp(transaction, now);
        return true;
      }
      if ((lockstep && pipeline.length > 0) || block.room < commandRoom) return false;
      const index = transaction.nextRecipient;
      if (transaction.writer === 'waiting') {
        if (this.#last && !this.#last.closesItself) {
          // RFC 5321 §4.1.1.5: the previous transaction is still open on the server.
          this.#last = undefined;
          this.#command(transaction, block, 'RSET', 'reset', now);
          continue;
        }
        this.#last = transaction;
        ledger.mailWritten(transaction);
        this.#command(transaction, block, formatMail(envelope, transaction.mail, offered), 'mail', now);
      } else if (index !== undefined) {
        transaction.rcptWritten();
        this.#command(transaction, block, formatRcpt(envelope.to[index]!, offered), 'rcpt', now, index);
      } else {
        return this.#beginContent(transaction, block, now);
      }
    }
  }

  #command(
    transaction: Transaction,
    block: TransmitBlock,
    text: string,
    stage: 'reset' | 'mail' | 'rcpt' | 'data',
    now: number,
    recipient?: number,
  ): void {
    block.line(text);
    transaction.delivery.transcript.command(now, text);
    this.#context.pipeline.expect(stage, transaction, recipient);
  }

  #beginContent(transaction: Transaction, block: TransmitBlock, now: number): boolean {
    if (transaction.mode === 'bdat') {
      if (transaction.envelopeAwaited && !this.#eager(transaction)) return false;
      transaction.step('chunks-begin');
      return true;
    }
    this.#command(transaction, block, 'DATA', 'data', now);
    transaction.step('data-written');
    return true;
  }

  /** Whether to send content before a recipient is accepted: only if it is small and the host has proved reliable. */
  #eager({ whole, beginning }: Transaction): boolean {
    const { limits, pipelining, protocol, window, ledger } = this.#context;
    if (protocol === 'lmtp') return false;
    // If a host hangs up with content unread, the connection is reset and its reply may be lost.
    if (window.size(ledger.mails, ledger.answered) === 1) return false;
    return (
      pipelining === 'across-messages' &&
      beginning !== 'doubtful' &&
      whole !== undefined &&
      whole.scan.textSize <= limits.eagerOctets
    );
  }

  /** Expects the final replies: the last octet of the content is written (RFC 5321 §4.2.5). */
  #end(transaction: Transaction, now: number): void {
    const { delivery } = transaction;
    const { pipeline, protocol, ledger } = this.#context;
    const octets = transaction.whole ? (transaction.mail.size ?? 0) : transaction.cursor.sent;
    delivery.transcript.note(now, `${octets} octets of content sent`);
    // RFC 2033 §4.2: LMTP answers once per accepted recipient, in the order of RCPT.
    if (protocol !== 'lmtp') pipeline.expect('final', transaction);
    else for (const index of transaction.accepted) pipeline.expect('final', transaction, index);
    ledger.written(transaction, 'last-octet');
  }
}
