import type { Envelope } from '@mb/mime';
import type { Octets } from './octets.ts';

/** A message as it will go out, before it is signed. */
export interface OutgoingMessage {
  readonly envelope: Envelope;
  readonly octets: Octets;
  /** Number of octets where it is known ahead. */
  readonly size?: number;
  /** Extensions that each host must offer: 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531). */
  readonly requires: { readonly eightBit: boolean; readonly smtputf8: boolean };
  /** In angle brackets; empty when a ready message has none. */
  readonly messageId: string;
  /** Domain of the author, or of the first of several: DMARC compares signatures with it (RFC 9989 §5.3.1). */
  readonly authorDomain: string;
  /** Domains of all authors, and that of the Sender field. */
  readonly senderDomains: readonly string[];
  /** True when it carries a signature that a change of its encoding would break. Default false. */
  readonly sealed?: boolean;
  /** False when the content came from a stream that can be read only once; `octets` can be read again anyway. */
  readonly repeatable: boolean;
  /** Frees what the octets take beside memory; call it when they are not read any more. */
  readonly release?: () => Promise<void>;
}
