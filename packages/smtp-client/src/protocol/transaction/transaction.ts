import { SmtpError } from '../../errors.ts';
import { ContentCursor } from '../content/content-cursor.ts';
import {
  ENVELOPE_FACTS,
  type EnvelopeFacts,
  type EnvelopeInput,
  type EnvelopeState,
  nextEnvelopeState,
  nextWriterState,
  type WriterInput,
  type WriterState,
} from '../session/transitions.ts';
import type { MailParameters } from './commands.ts';
import type { Delivery, WholeContent } from './delivery.ts';
import type { TransactionResult } from './result.ts';

/** The state of the session when a transaction began. */
export type Beginning =
  /** No message was in flight, and the session had at least one before. */
  | 'alone'
  /** The same, and the connection may be dead because it was idle. */
  | 'doubtful'
  /** It is the first of the session. */
  | 'first'
  /** MAIL was written before the previous message was answered. */
  | 'overlapped';

/**
 * An SMTP transaction: MAIL, its recipients and its content.
 *
 * `step` changes its state in the WRITER table when something was written, `read` its state in the ENVELOPE table when a
 * reply was read.
 */
export class Transaction {
  readonly delivery: Delivery;
  /** Indexes into the delivery's recipients, in the order of their RCPT. */
  readonly recipients: readonly number[];
  readonly mode: 'data' | 'bdat';
  readonly mail: MailParameters;
  readonly whole: WholeContent | undefined;
  readonly cursor: ContentCursor;
  /** When it became the oldest open transaction of its session; set by the ledger. */
  oldestSince = 0;
  /** Set by the ledger when the transaction begins. */
  beginning: Beginning = 'alone';
  #writer: WriterState = 'waiting';
  #envelope: EnvelopeState = 'unanswered';
  #endWritten = false;
  #clean = true;
  #negativeReplies = 0;
  #delivered = false;
  #rcptsWritten = 0;
  #envelopeAwaited = 0;
  #chunksAwaited = 0;
  readonly #accepted: number[] = [];
  /** Recipients that need another transaction. */
  readonly #split: number[] = [];
  /** Number of accepted recipients when the first one was split off. */
  #splitAfter = 0;
  #splitSaysSo = false;
  /** Number of recipients of `#split` that were returned to the delivery. */
  #givenBack = 0;

  constructor(
    delivery: Delivery,
    recipients: readonly number[],
    plan: { mode: 'data' | 'bdat'; mail: MailParameters; whole: WholeContent | undefined },
  ) {
    this.delivery = delivery;
    this.recipients = recipients;
    this.mode = plan.mode;
    this.mail = plan.mail;
    this.whole = plan.whole;
    this.cursor = new ContentCursor(plan.mode);
  }

  /** State in the WRITER table. */
  get writer(): WriterState {
    return this.#writer;
  }

  /** State in the ENVELOPE table. */
  get envelope(): EnvelopeState {
    return this.#envelope;
  }

  /** The properties of the state in the ENVELOPE table. */
  get facts(): EnvelopeFacts {
    return ENVELOPE_FACTS[this.#envelope];
  }

  /** Recipients that the server accepted, in the order of their RCPT. */
  get accepted(): readonly number[] {
    return this.#accepted;
  }

  /** Recipients that need another transaction. */
  get split(): readonly number[] {
    return this.#split;
  }

  /** Recipients of `split` that were not returned to the delivery yet. */
  get toGiveBack(): readonly number[] {
    return this.#split.slice(this.#givenBack);
  }

  /** Whether `toGiveBack` is not empty. */
  get hasToGiveBack(): boolean {
    return this.#split.length > this.#givenBack;
  }

  /** Number of 4yz and 5yz replies to its commands, which servers count as errors. */
  get negativeReplies(): number {
    return this.#negativeReplies;
  }

  /** Whether the server accepted the message for any recipient. */
  get delivered(): boolean {
    return this.#delivered;
  }

  /** Whether nothing of it was refused. */
  get clean(): boolean {
    return this.#clean;
  }

  /** Whether replies to MAIL or RCPT are awaited. */
  get envelopeAwaited(): boolean {
    return this.#envelopeAwaited > 0;
  }

  /** Number of awaited replies to chunks. */
  get chunksAwaited(): number {
    return this.#chunksAwaited;
  }

  /** The recipient of the next RCPT; undefined when all are written. */
  get nextRecipient(): number | undefined {
    return this.recipients[this.#rcptsWritten];
  }

  /** Whether this transaction can no longer deliver to any recipient. */
  get void(): boolean {
    if (this.facts.refused) return true;
    return (
      this.#accepted.length === 0 && this.#rcptsWritten === this.recipients.length && !this.envelopeAwaited
    );
  }

  /** Whether all replies to MAIL and RCPT were read, and no RCPT will be written. */
  get envelopeAnswered(): boolean {
    return !this.envelopeAwaited && (this.#rcptsWritten === this.recipients.length || this.facts.refused);
  }

  /** Whether the server closes this transaction by itself (RFC 5321 §4.1.1.4), so that no RSET is needed. */
  get closesItself(): boolean {
    if (this.#writer === 'waiting' || this.facts.refused) return true;
    if (this.#envelope === 'left-open') return false;
    return this.#endWritten && (this.mode === 'data' || this.#accepted.length > 0);
  }

  /**
   * The number of recipients accepted before the server refused one as too many; undefined when that shows no limit.
   */
  get recipientBound(): { readonly accepted: number; readonly saidSo: boolean } | undefined {
    const { length } = this.#accepted;
    return length > 0 && this.#splitAfter === length
      ? { accepted: length, saidSo: this.#splitSaysSo }
      : undefined;
  }

  /** Records that MAIL was written. */
  mailWritten(): void {
    this.step('begin');
    this.#envelopeAwaited += 1;
  }

  /** Records that the RCPT of `nextRecipient` was written. */
  rcptWritten(): void {
    this.#rcptsWritten += 1;
    this.#envelopeAwaited += 1;
  }

  /** Records that a chunk, except the last one, was written. */
  chunkWritten(): void {
    this.#chunksAwaited += 1;
  }

  /** Records a reply to MAIL, RCPT or a chunk. */
  replied(stage: 'mail' | 'rcpt' | 'chunk'): void {
    if (stage === 'chunk') this.#chunksAwaited -= 1;
    else this.#envelopeAwaited -= 1;
  }

  /** Records that the server accepted a recipient. */
  accept(recipient: number): void {
    this.read('recipient-accepted');
    this.#accepted.push(recipient);
  }

  /** Records a 4yz or 5yz reply to one of its commands. */
  countNegative(): void {
    this.#negativeReplies += 1;
  }

  /** Records that the server accepted the message. */
  deliver(): void {
    this.#delivered = true;
  }

  /** Records that the server refused MAIL, a recipient or the content. */
  refuse(): void {
    this.#clean = false;
  }

  /** Moves a recipient to another transaction; `saysSo` if the server said that there were too many recipients. */
  splitOff(recipient: number, saysSo: boolean): void {
    if (this.#split.length === 0) this.#splitAfter = this.#accepted.length;
    this.#split.push(recipient);
    this.#splitSaysSo ||= saysSo;
  }

  /** Moves all recipients that were not refused to another transaction. */
  rewrite(input: 'mail-postponed' | 'bdat-unknown'): void {
    this.read(input);
    this.#split.push(...(input === 'mail-postponed' ? this.recipients : this.#accepted));
  }

  /** Returns the recipients of `split` to the delivery, each once. */
  giveBack(): void {
    this.delivery.remaining = [...this.toGiveBack, ...this.delivery.remaining];
    this.#givenBack = this.#split.length;
  }

  /** Sets the result of recipients that have none and need no other transaction. */
  decide(result: TransactionResult): void {
    const split = this.#split.length === 0 ? undefined : new Set(this.#split);
    for (const index of this.recipients) if (!split?.has(index)) this.delivery.decide(index, result);
  }

  /**
   * Changes the state in the WRITER table.
   *
   * @throws {SmtpError} MB_SMTP_INTERNAL if the table does not have the step.
   */
  step(input: WriterInput): void {
    const next = nextWriterState(this.#writer, input);
    if (next === undefined) throw illegal(this.#writer, input);
    this.#writer = next;
    if (next === 'sent') this.#endWritten = true;
  }

  /**
   * Changes the state in the ENVELOPE table.
   *
   * @throws {SmtpError} MB_SMTP_INTERNAL if the table does not have the reply.
   */
  read(input: EnvelopeInput): void {
    const next = nextEnvelopeState(this.#envelope, input);
    if (next === undefined) throw illegal(this.#envelope, input);
    this.#envelope = next;
  }
}

function illegal(state: WriterState | EnvelopeState, input: WriterInput | EnvelopeInput): SmtpError {
  return new SmtpError(`A transaction in ${state} cannot take ${input}; this is a defect of the package.`, {
    code: 'MB_SMTP_INTERNAL',
    kind: 'internal',
    scope: 'session',
    stage: 'idle',
    retryable: true,
  });
}
