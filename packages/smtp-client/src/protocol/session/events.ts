import type { SmtpError } from '../../errors.ts';
import type { Delivery } from '../transaction/transaction.ts';
import type { Capabilities } from './capabilities.ts';

/** What a session tells the one who drives it; ask for them with `next()` until it answers undefined. */
export type SessionEvent =
  /** Start the TLS handshake on the transport now, then call `tlsEstablished` or `fail`. */
  | { readonly type: 'tls-required' }
  /** Answer a step of AUTH with `authRespond` or `fail`; `challenge` is undefined for the first one. */
  | {
      readonly type: 'auth-challenge';
      readonly mechanism: string;
      readonly challenge: Uint8Array | undefined;
    }
  /** The server said that AUTH succeeded, with data in `challenge` for mechanisms that prove the server. */
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
