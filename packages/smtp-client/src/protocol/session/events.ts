import type { Reply, SmtpError } from '../../errors.ts';
import type { Delivery } from '../transaction/transaction.ts';
import type { Capabilities } from './capabilities.ts';

/** What a session tells the one who drives it; ask for them with `next()` until it answers undefined. */
export type SessionEvent =
  /** Start the TLS handshake on the transport now, then call `tlsEstablished` or `fail`. */
  | { readonly type: 'tls-required' }
  /**
   * Answer a step of AUTH with `authRespond`, `authDecline` or `fail`. `challenge` is undefined for the first step, and
   * `refused` is set when it begins anew and needs other credentials than those refused.
   */
  | {
      readonly type: 'auth-challenge';
      readonly mechanism: string;
      readonly challenge: Uint8Array | undefined;
      /** What the server offers, in upper case. */
      readonly offered: readonly string[];
      readonly refused?: Reply;
    }
  /** The server said 235: call `authConfirm`, or `fail` when the mechanism wanted a proof that did not come. */
  | { readonly type: 'auth-succeeded'; readonly mechanism: string; readonly data: Uint8Array | undefined }
  /** The session is greeted, secured and authenticated as asked; deliveries are written from now on. */
  | { readonly type: 'ready'; readonly capabilities: Capabilities }
  /** Give the next octets of this delivery's content, from the start when `restart`. */
  | { readonly type: 'content-wanted'; readonly id: number; readonly restart: boolean }
  /** Every recipient of a delivery has its verdict. */
  | { readonly type: 'delivery-settled'; readonly delivery: Delivery }
  /** The session ended before this delivery was offered to the server at all. */
  | { readonly type: 'delivery-not-attempted'; readonly id: number; readonly error: SmtpError }
  /** The session is over; close the transport. `error` is absent after an orderly QUIT. */
  | { readonly type: 'closed'; readonly error?: SmtpError };
