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

/** What was known about the session when a transaction began. */
export type Beginning =
  /** No message was in flight, and the session has carried one before. */
  | 'alone'
  /** The same, and the connection was idle for so long that it may be dead. */
  | 'doubtful'
  /** It is the first one of its session: nothing shows yet that the session can carry a message. */
  | 'first'
  /** MAIL is written before the message before it was answered. */
  | 'overlapped';

/**
 * One MAIL with its recipients and its content.
 *
 * Its state is private: `step` moves it along the WRITER table when something was written, `read` along the ENVELOPE
 * table when a reply was read, and the counters and lists change with them.
 */
export class Transaction {
  readonly delivery: Delivery;
  /** Indexes into the delivery's recipients, in the order of their RCPT. */
  readonly recipients: readonly number[];
  readonly mode: 'data' | 'bdat';
  readonly mail: MailParameters;
  readonly whole: WholeContent | undefined;
  readonly cursor: ContentCursor;
  /** Since when no older transaction is open in its session; set by the ledger. */
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
  /** Recipients that the server wants in another transaction. */
  readonly #split: number[] = [];
  /** Recipients that were accepted when the first one was split off. */
  #splitAfter = 0;
  #splitSaysSo = false;
  /** Of these, how many were given back to the delivery. */
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

  /** What holds in the state of the envelope. */
  get facts(): EnvelopeFacts {
    return ENVELOPE_FACTS[this.#envelope];
  }

  /** Recipients that the server accepted, in the order of their RCPT. */
  get accepted(): readonly number[] {
    return this.#accepted;
  }

  /** Recipients that go into another transaction. */
  get split(): readonly number[] {
    return this.#split;
  }

  /** Of these, the ones that were not given back to the delivery yet. */
  get toGiveBack(): readonly number[] {
    return this.#split.slice(this.#givenBack);
  }

  /** Whether `toGiveBack` holds any. */
  get hasToGiveBack(): boolean {
    return this.#split.length > this.#givenBack;
  }

  /** Replies of 4yz and 5yz to its commands: what servers count as errors. */
  get negativeReplies(): number {
    return this.#negativeReplies;
  }

  /** Whether the server took the message, for any recipient. */
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

  /** Replies to chunks that are awaited. */
  get chunksAwaited(): number {
    return this.#chunksAwaited;
  }

  /** The recipient whose RCPT is written next; undefined when all are written. */
  get nextRecipient(): number | undefined {
    return this.recipients[this.#rcptsWritten];
  }

  /** Whether this transaction cannot deliver to any recipient any more. */
  get void(): boolean {
    if (this.facts.refused) return true;
    return (
      this.#accepted.length === 0 && this.#rcptsWritten === this.recipients.length && !this.envelopeAwaited
    );
  }

  /** Whether all replies to MAIL and RCPT that will be written were read. */
  get envelopeAnswered(): boolean {
    return !this.envelopeAwaited && (this.#rcptsWritten === this.recipients.length || this.facts.refused);
  }

  /** Whether the server forgets this transaction by itself (RFC 5321 §4.1.1.4), so that no RSET is needed after it. */
  get closesItself(): boolean {
    if (this.#writer === 'waiting' || this.facts.refused) return true;
    if (this.#envelope === 'left-open') return false;
    return this.#endWritten && (this.mode === 'data' || this.#accepted.length > 0);
  }

  /** What the server took before it said that recipients were too many; undefined when that shows no bound. */
  get recipientBound(): { readonly accepted: number; readonly saidSo: boolean } | undefined {
    const { length } = this.#accepted;
    return length > 0 && this.#splitAfter === length
      ? { accepted: length, saidSo: this.#splitSaysSo }
      : undefined;
  }

  /** MAIL was written. */
  mailWritten(): void {
    this.step('begin');
    this.#envelopeAwaited += 1;
  }

  /** The RCPT of `nextRecipient` was written. */
  rcptWritten(): void {
    this.#rcptsWritten += 1;
    this.#envelopeAwaited += 1;
  }

  /** A chunk that is not the last one was written. */
  chunkWritten(): void {
    this.#chunksAwaited += 1;
  }

  /** A reply to MAIL, RCPT or a chunk was read. */
  replied(stage: 'mail' | 'rcpt' | 'chunk'): void {
    if (stage === 'chunk') this.#chunksAwaited -= 1;
    else this.#envelopeAwaited -= 1;
  }

  /** The server accepted a recipient. */
  accept(recipient: number): void {
    this.read('recipient-accepted');
    this.#accepted.push(recipient);
  }

  /** A reply of 4yz or 5yz to one of its commands was read. */
  countNegative(): void {
    this.#negativeReplies += 1;
  }

  /** The server took the message. */
  deliver(): void {
    this.#delivered = true;
  }

  /** The server refused MAIL, a recipient or the content. */
  refuse(): void {
    this.#clean = false;
  }

  /** The server wants a recipient in another transaction; `saysSo` when it said that recipients were too many. */
  splitOff(recipient: number, saysSo: boolean): void {
    if (this.#split.length === 0) this.#splitAfter = this.#accepted.length;
    this.#split.push(recipient);
    this.#splitSaysSo ||= saysSo;
  }

  /** The whole transaction is written again: its recipients that are not refused go into another one. */
  rewrite(input: 'mail-postponed' | 'bdat-unknown'): void {
    this.read(input);
    this.#split.push(...(input === 'mail-postponed' ? this.recipients : this.#accepted));
  }

  /** Gives the recipients of `split` back to the delivery, each once. */
  giveBack(): void {
    this.delivery.remaining = [...this.toGiveBack, ...this.delivery.remaining];
    this.#givenBack = this.#split.length;
  }

  /** Gives a result to the recipients that have none and do not go into another transaction. */
  decide(result: TransactionResult): void {
    const split = this.#split.length === 0 ? undefined : new Set(this.#split);
    for (const index of this.recipients) if (!split?.has(index)) this.delivery.decide(index, result);
  }

  /** Moves along the WRITER table. @throws {SmtpError} MB_SMTP_INTERNAL for a step that the table does not have */
  step(input: WriterInput): void {
    const next = nextWriterState(this.#writer, input);
    if (next === undefined) throw illegal(this.#writer, input);
    this.#writer = next;
    if (next === 'sent') this.#endWritten = true;
  }

  /** Moves along the ENVELOPE table. @throws {SmtpError} MB_SMTP_INTERNAL for a reply that the table does not have */
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
