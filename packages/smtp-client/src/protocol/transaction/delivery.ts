import { type ContentScan, scanContent } from '../content/content-scan.ts';
import type { Transcript } from '../session/transcript.ts';
import type { CheckedEnvelope } from './envelope.ts';
import type { TransactionResult } from './result.ts';

/** Content that is one array, scanned once. */
export interface WholeContent {
  readonly octets: Uint8Array;
  readonly scan: ContentScan;
}

/** Scans content that is one array; undefined for content that is streamed. */
export function wholeContent(octets: Uint8Array | undefined): WholeContent | undefined {
  return octets && { octets, scan: scanContent(octets) };
}

/** One submitted message: one or more transactions and a result for each recipient. */
export class Delivery {
  readonly id: number;
  readonly envelope: CheckedEnvelope;
  readonly transcript: Transcript;
  readonly content: WholeContent | undefined;
  readonly sevenBitContent: WholeContent | undefined;
  readonly results: (TransactionResult | undefined)[];
  /** Recipients without a result. */
  undecided: number;
  /** Indexes of the recipients that no transaction has taken yet, in input order. */
  remaining: readonly number[];
  /** Transactions begun so far. */
  transactions = 0;
  /** Its event was emitted. */
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

  /** Gives a recipient its result; only the first one counts. */
  decide(recipient: number, result: TransactionResult): void {
    if (this.results[recipient] !== undefined) return;
    this.results[recipient] = result;
    this.undecided -= 1;
  }

  /** Gives the recipients that no transaction has taken the same result. */
  decideRemaining(result: TransactionResult): void {
    for (const index of this.remaining) this.decide(index, result);
    this.remaining = [];
  }
}
