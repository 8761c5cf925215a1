import type { Reply, SmtpError, TranscriptEntry } from '../../errors.ts';
import type { Delivery } from '../transaction/delivery.ts';
import type { RecipientResult } from '../transaction/result.ts';
import type { Capabilities } from './capabilities.ts';
import type { Transcript } from './transcript.ts';

/** Start the TLS handshake on the transport now, then call `tlsEstablished` or `fail`. */
export interface TlsRequired {
  readonly type: 'tls-required';
}

/** Answer a step of AUTH with `authRespond`, `authDecline` or `fail`. */
export interface AuthChallenge {
  readonly type: 'auth-challenge';
  /** SASL name, e.g. `SCRAM-SHA-256`. */
  readonly mechanism: string;
  /** Decoded from base64; undefined for the first step. */
  readonly challenge: Uint8Array | undefined;
  /** SASL names that the server offers, in upper case. */
  readonly offered: readonly string[];
  /** The reply that refused the credentials, when the mechanism starts again with other ones. */
  readonly refused?: Reply;
}

/**
 * The server replied 235: call `authConfirm`, or `fail` if the server has not proved itself as the mechanism requires.
 */
export interface AuthSucceeded {
  readonly type: 'auth-succeeded';
  readonly mechanism: string;
  /** The data of the 235, decoded from base64; undefined when there is none. */
  readonly data: Uint8Array | undefined;
}

/** The session is ready: deliveries are written from now on. */
export interface SessionReady {
  readonly type: 'ready';
  readonly capabilities: Capabilities;
}

/** Call `provideContent` with the next octets of a delivery's content, or `endContent`. */
export interface ContentWanted {
  readonly type: 'content-wanted';
  /** The number that `submit` returned. */
  readonly id: number;
  /** Whether the content must start again from its beginning. */
  readonly restart: boolean;
}

/** Every recipient of a delivery has its final result. */
export class DeliverySettled {
  readonly type = 'delivery-settled';
  /** The number that `submit` returned. */
  readonly id: number;
  /** One result per recipient, in the order of the envelope. */
  readonly recipients: readonly RecipientResult[];
  readonly #transcript: Transcript;

  /** @internal */
  constructor({ id, envelope, results, transcript }: Delivery) {
    this.id = id;
    this.recipients = envelope.to.map((to, index) => ({ recipient: to.address, ...results[index]! }));
    this.#transcript = transcript;
  }

  /** The transcript of this delivery, without content and credentials; built when it is read. */
  get transcript(): readonly TranscriptEntry[] {
    return this.#transcript.snapshot();
  }
}

/** The session ended, or the delivery was cancelled, before it was offered to the server. */
export interface DeliveryNotAttempted {
  readonly type: 'delivery-not-attempted';
  /** The number that `submit` returned. */
  readonly id: number;
  readonly error: SmtpError;
}

/** The session is over; close the transport. */
export interface SessionClosed {
  readonly type: 'closed';
  /** Absent after an orderly QUIT. */
  readonly error?: SmtpError;
}

/** An event that a session reports, a union on `type`; call `next()` until it returns undefined. */
export type SessionEvent =
  | TlsRequired
  | AuthChallenge
  | AuthSucceeded
  | SessionReady
  | ContentWanted
  | DeliverySettled
  | DeliveryNotAttempted
  | SessionClosed;
