import type { Reply } from '../../errors.ts';

/**
 * The client side of a SASL mechanism (RFC 4422). The mechanisms of this package implement it; `auth.mechanisms` accepts
 * your own, such as GSSAPI.
 *
 * @example
 * const external: SaslMechanism = {
 *   name: 'EXTERNAL',
 *   begin: () => ({ complete: true, start: () => new Uint8Array(0), respond: () => new Uint8Array(0) }),
 * };
 * await connect({ host, hostname, auth: { mechanisms: [external] } });
 */
export interface SaslMechanism {
  /** The name in EHLO, in upper case. */
  readonly name: string;
  /** Begins an exchange; undefined if it is not possible in this session, so that the next mechanism is tried. */
  begin(context: SaslContext): SaslExchange | undefined | Promise<SaslExchange | undefined>;
}

/** One exchange of a mechanism. */
export interface SaslExchange {
  /** Returns the initial response, or undefined when the server sends the first message. */
  start(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Returns the response to a challenge. @throws {Error} If the server fails to prove itself. */
  respond(challenge: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** False while the server has still to prove itself. If it is false after 235, the session fails. */
  readonly complete: boolean;
}

/** What a mechanism gets from the session. */
export interface SaslContext {
  /** Undefined if the caller gave only its own mechanisms. */
  readonly credentials: Credentials | undefined;
  readonly host: string;
  readonly port: number;
  /** Mechanisms that the server offers, in upper case. */
  readonly offered: readonly string[];
  readonly channel: SaslChannel;
  readonly crypto: SaslCrypto;
}

/** The protection of the session. */
export interface SaslChannel {
  readonly secure: boolean;
  /** Whether the server's certificate was verified. */
  readonly verified: boolean;
  /** Channel binding data of the TLS session (RFC 5056); undefined without TLS or support of the platform. */
  readonly binding?: ChannelBinding;
}

/** Channel binding data (RFC 5929, RFC 9266). */
export interface ChannelBinding {
  readonly type: 'tls-exporter' | 'tls-server-end-point';
  readonly data: Uint8Array;
}

/** Hashes that mechanisms use. */
export type SaslHash = 'md5' | 'sha1' | 'sha256';

/** Cryptography that mechanisms need from the platform. */
export interface SaslCrypto {
  /** Random octets. */
  randomBytes(length: number): Uint8Array;
  /** HMAC (RFC 2104) of the data. */
  hmac(hash: SaslHash, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Digest of the data. */
  hash(hash: SaslHash, data: Uint8Array): Uint8Array;
  /** Hi() of RFC 5802 §2.2, which is PBKDF2. */
  pbkdf2(hash: SaslHash, password: Uint8Array, salt: Uint8Array, iterations: number): Promise<Uint8Array>;
}

/** A user with a password or an OAuth 2.0 access token. */
export type Credentials =
  | { readonly user: string; readonly password: string }
  | { readonly user: string; readonly accessToken: string };

/**
 * Returns credentials. It is called before connecting, and once more with the server's reply in `refused` if the server
 * refused them, so that it can renew an access token.
 */
export type CredentialSource = (why: { readonly refused?: Reply }) => Credentials | Promise<Credentials>;
