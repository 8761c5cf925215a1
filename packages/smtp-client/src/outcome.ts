import type { TranscriptEntry } from './errors.ts';
import type { Transcript } from './protocol/session/transcript.ts';
import type { Delivery } from './protocol/transaction/transaction.ts';
import type { Verdict } from './protocol/transaction/verdict.ts';
import type { TlsEvidence } from './tls-evidence.ts';

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

/** What a delivery came to. Its transcript is an own property like the others but made only when somebody reads it. */
export class SettledOutcome implements DeliveryOutcome {
  readonly recipients: readonly RecipientResult[];
  declare readonly transcript: readonly TranscriptEntry[];
  readonly host: string;
  readonly address: string;
  readonly tls: TlsEvidence;
  readonly #prologue: readonly TranscriptEntry[];
  readonly #said: Transcript;
  #entries: readonly TranscriptEntry[] | undefined;

  constructor(
    { envelope, verdicts, transcript }: Delivery,
    { host, address, tls }: Pick<DeliveryOutcome, 'host' | 'address' | 'tls'>,
    prologue: readonly TranscriptEntry[],
  ) {
    this.recipients = envelope.to.map((to, index) => ({ recipient: to.address, ...verdicts[index]! }));
    this.host = host;
    this.address = address;
    this.tls = tls;
    this.#prologue = prologue;
    this.#said = transcript;
    // On the prototype it would be missing from copies of an outcome and from its JSON.
    Object.defineProperty(this, 'transcript', SettledOutcome.#transcript);
  }

  static readonly #transcript = {
    enumerable: true,
    get(this: SettledOutcome): readonly TranscriptEntry[] {
      this.#entries ??= this.#prologue.concat(this.#said.snapshot());
      return this.#entries;
    },
  };
}
