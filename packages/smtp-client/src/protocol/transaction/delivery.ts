import { type ContentScan, scanContent } from '../content/content-scan.ts';
import type { Transcript } from '../session/transcript.ts';
import type { CheckedEnvelope } from './envelope.ts';
import type { TransactionResult } from './result.ts';

/** Content in one array, with its scan. */
export interface WholeContent {
  readonly octets: Uint8Array;
  readonly scan: ContentScan;
}

/** Scans content in one array; undefined for streamed content. */
export function wholeContent(octets: Uint8Array | undefined): WholeContent | undefined {
  return octets && { octets, scan: scanContent(octets) };
}

/** A submitted message, with one or more transactions and a result for each recipient. */
export class Delivery {
  readonly id: number;
  readonly envelope: CheckedEnvelope;
  readonly transcript: Transcript;
  readonly content: WholeContent | undefined;
  readonly sevenBitContent: WholeContent | undefined;
  readonly results: (TransactionResult | undefined)[];
  /** Recipients without a result. */
  undecided: number;
  /** Indexes of the recipients without a transaction, in input order. */
  remaining: readonly number[];
  /** Number of transactions begun. */
  transactions = 0;
  /** Whether its event was emitted. */
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
    this.results = new Array(envelope.to.length);
    this.undecided = envelope.to.length;
    this.remaining = envelope.to.map((_, index) => index);
  }

  /** Sets the result of a recipient, unless it has one. */
  decide(recipient: number, result: TransactionResult): void {
    if (this.results[recipient] !== undefined) return;
    this.results[recipient] = result;
    this.undecided -= 1;
  }

  /** Sets the result of all recipients without a transaction. */
  decideRemaining(result: TransactionResult): void {
    for (const index of this.remaining) this.decide(index, result);
    this.remaining = [];
  }
}
