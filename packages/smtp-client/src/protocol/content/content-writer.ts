import type { SmtpError } from '../../errors.ts';
import type { SessionEvent } from '../session/events.ts';
import type { SessionLimits } from '../session/limits.ts';
import type { WholeContent } from '../transaction/delivery.ts';
import type { Pipeline } from '../transaction/pipeline.ts';
import { incapable } from '../transaction/result.ts';
import type { Transaction } from '../transaction/transaction.ts';
import { convertText } from './dot-stuffer.ts';
import type { TransmitBlock } from './transmit-block.ts';

/** An upper bound on the length of a command; addresses and parameters are bounded. */
export const commandRoom = 4096;
/** Minimum size of a BDAT chunk of streamed content, except the last. */
const chunkOctets = 65_536;
const DOT = 46;
const lineEnd = new Uint8Array([13, 10]);

/** What ContentWriter needs from the session. */
export interface ContentWriterContext {
  readonly pipeline: Pipeline;
  readonly limits: SessionLimits;
  emit(event: SessionEvent): void;
  /** Ends the session. */
  fail(error: SmtpError): void;
}

/** Writes the content of the current transaction, by DATA or BDAT, whole or streamed. */
export class ContentWriter {
  readonly #context: ContentWriterContext;

  constructor(context: ContentWriterContext) {
    this.#context = context;
  }

  /** Continues to write; returns true when the block has the last octet of the content and of its end. */
  write(transaction: Transaction, block: TransmitBlock, now: number, lockstep: boolean): boolean {
    return transaction.mode === 'data'
      ? this.#writeData(transaction, block)
      : this.#writeChunks(transaction, block, now, lockstep);
  }

  /** Gives octets of streamed content to the transaction that asked for them. */
  provide(transaction: Transaction, chunk: Uint8Array): void {
    const { mode, mail } = transaction;
    const { source, stuffer } = transaction.cursor;
    source.asked = false;
    source.push(mode === 'bdat' && mail.body !== 'binarymime' ? convertText(stuffer, chunk) : chunk);
    if (mode === 'bdat') this.#tooWide(transaction);
  }

  /** Ends streamed content. */
  end(transaction: Transaction): void {
    const { mode, mail } = transaction;
    const { source, stuffer } = transaction.cursor;
    source.asked = false;
    if (mode === 'bdat' && mail.body !== 'binarymime' && stuffer.openLine) source.push(lineEnd);
    source.end();
  }

  /** Content after 354: text mode with dots (RFC 5321 §4.5.2), ended by CRLF.CRLF. */
  #writeData(transaction: Transaction, block: TransmitBlock): boolean {
    const { whole } = transaction;
    if (whole) {
      while (transaction.cursor.offset < whole.octets.length) {
        if (block.room < commandRoom) return false;
        this.#writeWhole(transaction, whole, block);
      }
    } else if (!this.#writeStream(transaction, block)) {
      return false;
    }
    if (block.room < commandRoom) return false;
    // Canonical text was copied and ends in CRLF; anything else went through the stuffer.
    if (!whole?.scan.canonical && transaction.cursor.stuffer.openLine) block.line('');
    block.line('.');
    return true;
  }

  /** Writes as much content as fits; canonical text is copied from dot to dot. */
  #writeWhole(transaction: Transaction, { octets, scan }: WholeContent, block: TransmitBlock): void {
    const { dots } = scan;
    if (!scan.canonical || dots === undefined) {
      const { read, written } = transaction.cursor.stuffer.write(
        octets,
        transaction.cursor.offset,
        block.octets,
        block.length,
      );
      transaction.cursor.offset += read;
      block.length += written;
      return;
    }
    if (dots[transaction.cursor.dotsPassed] === transaction.cursor.offset) {
      block.octets[block.length++] = DOT;
      transaction.cursor.dotsPassed += 1;
    }
    const end = dots[transaction.cursor.dotsPassed] ?? octets.length;
    transaction.cursor.offset += block.copy(
      octets,
      transaction.cursor.offset,
      end - transaction.cursor.offset,
    );
  }

  /** Writes the streamed content that is available; returns true when the block has all of it. */
  #writeStream(transaction: Transaction, block: TransmitBlock): boolean {
    const { source } = transaction.cursor;
    for (let chunk = source.first; chunk !== undefined; chunk = source.first) {
      if (block.room < commandRoom) return false;
      const { read, written } = transaction.cursor.stuffer.write(chunk, 0, block.octets, block.length);
      block.length += written;
      transaction.cursor.sent += read;
      source.use(read);
      if (this.#tooWide(transaction)) return false;
    }
    return source.ended || this.#ask(transaction);
  }

  /** Fails the session if streamed content that must be 7-bit is not: only closing abandons a transaction. */
  #tooWide({ mail, cursor, delivery, recipients }: Transaction): boolean {
    if (mail.body !== '7bit' || cursor.stuffer.bits < 128) return false;
    const result = incapable(
      '8bitmime',
      'MB_SMTP_8BITMIME_NOT_OFFERED',
      '5.6.3',
      'The content has 8-bit octets where it had to be 7-bit; describe it with envelope.body, or encode it.',
    );
    for (const index of recipients) delivery.decide(index, result);
    this.#context.fail(result.error);
    return true;
  }

  #ask(transaction: Transaction): false {
    const { source } = transaction.cursor;
    if (!source.asked) {
      source.asked = true;
      this.#context.emit({ type: 'content-wanted', id: transaction.delivery.id, restart: !source.begun });
    }
    return false;
  }

  /** Content by BDAT (RFC 3030 §2): counted, not stuffed. */
  #writeChunks(transaction: Transaction, block: TransmitBlock, now: number, lockstep: boolean): boolean {
    const { pipeline, limits } = this.#context;
    for (;;) {
      if (block.room < commandRoom) return false;
      if (transaction.cursor.chunkLeft > 0) {
        this.#writeChunkOctets(transaction, block);
        if (transaction.cursor.chunkLeft > 0) return false;
      }
      if (transaction.cursor.chunkBegun) {
        transaction.cursor.chunkBegun = false;
        if (transaction.cursor.chunkLast) return true;
        transaction.chunkWritten();
        pipeline.expect('chunk', transaction);
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
      transaction.cursor.chunkLast = true;
    } else {
      const { source } = transaction.cursor;
      if (source.octets < chunkOctets && !source.ended) return this.#ask(transaction);
      size = source.octets;
      transaction.cursor.chunkLast = source.ended;
    }
    transaction.cursor.chunkLeft = size;
    transaction.cursor.chunkBegun = true;
    const command = `BDAT ${size}${transaction.cursor.chunkLast ? ' LAST' : ''}`;
    block.line(command);
    transaction.delivery.transcript.command(now, command);
    return true;
  }

  #writeChunkOctets(transaction: Transaction, block: TransmitBlock): void {
    const { whole } = transaction;
    if (!whole) {
      const { source } = transaction.cursor;
      while (transaction.cursor.chunkLeft > 0 && block.room > 0) {
        const count = block.copy(source.first!, 0, transaction.cursor.chunkLeft);
        source.use(count);
        transaction.cursor.chunkLeft -= count;
        transaction.cursor.sent += count;
      }
      return;
    }
    if (transaction.mail.body === 'binarymime' || whole.scan.canonical) {
      const count = block.copy(whole.octets, transaction.cursor.offset, Infinity);
      transaction.cursor.offset += count;
      transaction.cursor.chunkLeft -= count;
      return;
    }
    const { read, written } = transaction.cursor.stuffer.write(
      whole.octets,
      transaction.cursor.offset,
      block.octets,
      block.length,
    );
    transaction.cursor.offset += read;
    transaction.cursor.chunkLeft -= written;
    block.length += written;
    if (
      transaction.cursor.offset === whole.octets.length &&
      transaction.cursor.stuffer.openLine &&
      block.room >= 2
    ) {
      block.line('');
      transaction.cursor.chunkLeft -= 2;
    }
  }
}
