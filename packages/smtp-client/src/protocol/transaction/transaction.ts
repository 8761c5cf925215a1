import { SmtpError } from '../../errors.ts';
import { type ContentScan, scanContent } from '../content/content-scan.ts';
import { ContentSource } from '../content/content-source.ts';
import { DotStuffer } from '../content/dot-stuffer.ts';
import type { Transcript } from '../session/transcript.ts';
import { nextWriterState, type WriterInput, type WriterState } from '../session/transitions.ts';
import type { MailParameters } from './commands.ts';
import type { CheckedEnvelope } from './envelope.ts';
import type { Verdict } from './verdict.ts';

/** Content that is one array, looked at once. */
export interface WholeContent {
  readonly octets: Uint8Array;
  readonly scan: ContentScan;
}

/** Looks at content that is one array; content that comes in pieces is undefined until it comes. */
export function wholeContent(octets: Uint8Array | undefined): WholeContent | undefined {
  return octets && { octets, scan: scanContent(octets) };
}

/** A message on its way to some recipients: one or more transactions and a verdict for each recipient. */
export class Delivery {
  readonly id: number;
  readonly envelope: CheckedEnvelope;
  readonly transcript: Transcript;
  readonly content: WholeContent | undefined;
  readonly sevenBitContent: WholeContent | undefined;
  readonly verdicts: (Verdict | undefined)[];
  /** Recipients without a verdict. */
  undecided: number;
  /** Indexes of the recipients that no transaction has taken yet, in input order. */
  remaining: number[];
  /** Transactions begun so far. */
  transactions = 0;
  settled = false;

  constructor(
    id: number,
    envelope: CheckedEnvelope,
    content: { whole: WholeContent | undefined; sevenBit: WholeContent | undefined },
    transcript: Transcript,
  ) {
    this.id = id;
    this.envelope = envelope;
    this.content = content.whole;
    this.sevenBitContent = content.sevenBit;
    this.transcript = transcript;
    this.verdicts = new Array(envelope.to.length);
    this.undecided = envelope.to.length;
    this.remaining = envelope.to.map((_, index) => index);
  }

  /** Gives a recipient its verdict; the first one stands. */
  decide(recipient: number, verdict: Verdict): void {
    if (this.verdicts[recipient] !== undefined) return;
    this.verdicts[recipient] = verdict;
    this.undecided -= 1;
  }
}

/** One MAIL with its recipients and its content. */
export class Transaction {
  readonly delivery: Delivery;
  /** Indexes into the delivery's recipients, in the order of their RCPT. */
  readonly recipients: readonly number[];
  readonly mode: 'data' | 'bdat';
  readonly mail: MailParameters;
  readonly whole: WholeContent | undefined;
  #stuffer: DotStuffer | undefined;
  #source: ContentSource | undefined;
  /** Since when nothing older is under way in its session. */
  oldestSince = 0;
  /** The first one of its session: nothing shows yet that the session can carry a message. */
  first = false;
  /** Somebody or something of it was refused. */
  refused = false;
  /** It is written again, whole, as another transaction. */
  redone = false;
  /** Whether the server said in words or by status that recipients were too many, rather than room too little. */
  splitSaysSo = false;
  /** The server did not know BDAT, so its envelope is open still. */
  leftOpen = false;
  /** MAIL was written before the message before it was answered. */
  overlapped = false;
  /** The connection was idle so long that it may be dead. */
  doubtful = false;
  writer: WriterState = 'waiting';
  mailWritten = false;
  mailReply: 'awaited' | 'accepted' | 'refused' = 'awaited';
  /** RCPTs written. */
  written = 0;
  /** Replies to MAIL and RCPT that are awaited. */
  awaited = 0;
  /** Recipients the server said yes to, in order. */
  readonly accepted: number[] = [];
  /** Recipients the server wants in another transaction. */
  readonly split: number[] = [];
  /** Whether they were put back for another transaction already. */
  reoffered = false;
  /** How many were accepted when the first one was put off. */
  splitAt = 0;
  /** A RCPT was accepted although MAIL was refused. */
  confused = false;
  /** Whether any reply to this transaction was read. */
  answered = false;
  /** Whether the last octet of the content and its end were handed over. */
  ended = false;
  /** Octets of `whole` written. */
  offset = 0;
  /** Dots of `whole` that were stuffed. */
  dotsPassed = 0;
  /** Octets of text in the content written so far, without added dots. */
  sent = 0;
  /** Replies to chunks that are awaited. */
  chunksAwaited = 0;
  /** What is left of the chunk whose BDAT stands on the wire. */
  chunkLeft = 0;
  chunkLast = false;
  chunkBegun = false;

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
  }

  /** Makes text of what is none yet. */
  get stuffer(): DotStuffer {
    this.#stuffer ??= new DotStuffer(this.mode === 'data');
    return this.#stuffer;
  }

  /** Octets of content that comes in pieces. */
  get source(): ContentSource {
    this.#source ??= new ContentSource();
    return this.#source;
  }

  /** Whether nobody can get the message by this transaction any more. */
  get void(): boolean {
    if (this.mailReply === 'refused') return true;
    return this.accepted.length === 0 && this.written === this.recipients.length && this.awaited === 0;
  }

  /** Whether the server forgets this transaction by itself (RFC 5321 §4.1.1.4), so that no RSET is needed after it. */
  get closesItself(): boolean {
    if (!this.mailWritten || this.mailReply === 'refused') return true;
    if (this.leftOpen) return false;
    return this.ended && (this.mode === 'data' || this.accepted.length > 0);
  }

  /** Moves along the WRITER table. @throws {SmtpError} MB_SMTP_INTERNAL for a step that the table does not have */
  step(input: WriterInput): void {
    const next = nextWriterState(this.writer, input);
    if (next === undefined) {
      throw new SmtpError(
        `A transaction in ${this.writer} cannot take ${input}; this is a defect of the package.`,
        {
          code: 'MB_SMTP_INTERNAL',
          kind: 'internal',
          scope: 'session',
          stage: 'idle',
          retryable: true,
        },
      );
    }
    this.writer = next;
  }
}
