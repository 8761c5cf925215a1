import type { Reply } from '../../errors.ts';

/**
 * A SASL mechanism on the client's side (RFC 4422). Ours are instances of it; give one of your own in
 * `auth.mechanisms` for what this package does not have, such as GSSAPI.
 *
 * @example
 * const external: SaslMechanism = {
 *   name: 'EXTERNAL',
 *   begin: () => ({ complete: true, start: () => new Uint8Array(0), respond: () => new Uint8Array(0) }),
 * };
 * await connect({ host, hostname, auth: { mechanisms: [external] } });
 */
export interface SaslMechanism {
  /** As EHLO lists it, in upper case. */
  readonly name: string;
  /** Begins a run; undefined when it is not possible here, and the next mechanism is tried. */
  begin(context: SaslContext): SaslExchange | undefined | Promise<SaslExchange | undefined>;
}

/** One run of a mechanism. */
export interface SaslExchange {
  /** The initial response, or undefined when the server speaks first. */
  start(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** The response to a challenge. @throws {Error} when the server proves to be another one */
  respond(challenge: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** False when the mechanism proves the server and it has not; the session is refused then, whatever the server says. */
  readonly complete: boolean;
}

/** What a mechanism may know of the session. */
export interface SaslContext {
  /** Who authenticates; undefined when the caller gave only mechanisms of its own. */
  readonly credentials: Credentials | undefined;
  readonly host: string;
  readonly port: number;
  /** Mechanisms that the server offers, in upper case, inside TLS where TLS is used. */
  readonly offered: readonly string[];
  readonly channel: SaslChannel;
  readonly crypto: SaslCrypto;
}

/** What protects the session. */
export interface SaslChannel {
  readonly secure: boolean;
  /** Whether the server's certificate was verified. */
  readonly verified: boolean;
  /** What ties the exchange to this TLS session (RFC 5056); undefined without TLS or where the platform does not give it. */
  readonly binding?: ChannelBinding;
}

/** Channel binding data (RFC 5929, RFC 9266). */
export interface ChannelBinding {
  readonly type: 'tls-exporter' | 'tls-server-end-point';
  readonly data: Uint8Array;
}

/** Hashes that mechanisms use. */
export type SaslHash = 'md5' | 'sha1' | 'sha256';

/** What the mechanisms need from a platform. */
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

/** Who authenticates, by a password or by an OAuth 2.0 access token. */
export type Credentials =
  | { readonly user: string; readonly password: string }
  | { readonly user: string; readonly accessToken: string };

/**
 * Gives credentials when they are needed: before connecting, and once more with `refused` set to the server's reply when it
 * refused them, so that an access token can be renewed.
 */
export type CredentialSource = (why: { readonly refused?: Reply }) => Credentials | Promise<Credentials>;
