import type { TranscriptEntry } from './errors.ts';
import type { DeliverySettled } from './protocol/session/events.ts';
import type { RecipientResult } from './protocol/transaction/result.ts';
import type { TlsEvidence } from './tls-evidence.ts';

/** The outcome of one message on one connection. */
export interface DeliveryOutcome {
  /** One result per recipient, in the order of the envelope. */
  readonly recipients: readonly RecipientResult[];
  /** The transcript from the greeting on, without content and credentials. */
  readonly transcript: readonly TranscriptEntry[];
  /** The host that was asked for. */
  readonly host: string;
  /** `address:port` of the server. */
  readonly address: string;
  readonly tls: TlsEvidence;
}

/** The outcome of a settled delivery. Its transcript is built when it is first read. */
export class SettledOutcome implements DeliveryOutcome {
  readonly recipients: readonly RecipientResult[];
  declare readonly transcript: readonly TranscriptEntry[];
  readonly host: string;
  readonly address: string;
  readonly tls: TlsEvidence;
  readonly #prologue: readonly TranscriptEntry[];
  readonly #settled: DeliverySettled;
  #entries: readonly TranscriptEntry[] | undefined;

  constructor(
    settled: DeliverySettled,
    { host, address, tls }: Pick<DeliveryOutcome, 'host' | 'address' | 'tls'>,
    prologue: readonly TranscriptEntry[],
  ) {
    this.recipients = settled.recipients;
    this.host = host;
    this.address = address;
    this.tls = tls;
    this.#prologue = prologue;
    this.#settled = settled;
    // An own property, so that copies and JSON of an outcome include it.
    Object.defineProperty(this, 'transcript', SettledOutcome.#transcript);
  }

  static readonly #transcript = {
    enumerable: true,
    get(this: SettledOutcome): readonly TranscriptEntry[] {
      this.#entries ??= this.#prologue.concat(this.#settled.transcript);
      return this.#entries;
    },
  };
}
