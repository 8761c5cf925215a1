import type { TranscriptEntry } from './errors.ts';
import type { TlsEvidence } from './io/tls.ts';
import type { Verdict } from './protocol/verdict.ts';

/** What became of one recipient; a union on `status`: delivered, failed, deferred or unknown. */
export type RecipientResult = Verdict & {
  /** The address as it was given. */
  readonly recipient: string;
};

/** What became of one message on one connection. */
export interface DeliveryOutcome {
  /** One result per recipient, in the order of the envelope. */
  readonly recipients: readonly RecipientResult[];
  /** What was said, from the greeting on; without content and credentials. */
  readonly transcript: readonly TranscriptEntry[];
  /** The host that was asked for. */
  readonly host: string;
  /** `address:port` of the server. */
  readonly address: string;
  readonly tls: TlsEvidence;
}
