/** One run of a SASL mechanism on the client's side (RFC 4422). */
export interface SaslExchange {
  /** The initial response, or undefined when the server speaks first. */
  start(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** The response to a challenge. @throws {Error} when the server proves to be another one */
  respond(challenge: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** False when the mechanism proves the server and it has not. */
  readonly complete: boolean;
}

/** What the mechanisms need from a platform. */
export interface SaslCrypto {
  randomBytes(length: number): Uint8Array;
  hmac(hash: 'md5' | 'sha256', key: Uint8Array, data: Uint8Array): Uint8Array;
  sha256(data: Uint8Array): Uint8Array;
  pbkdf2Sha256(
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    length: number,
  ): Promise<Uint8Array>;
}

/** Who authenticates, by a password or by an OAuth 2.0 access token. */
export type Credentials =
  | { readonly user: string; readonly password: string }
  | { readonly user: string; readonly accessToken: string };
