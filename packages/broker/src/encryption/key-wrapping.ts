import { callback, type OptionTable, required } from '../option-table.ts';

/**
 * Encrypts private keys and secrets before they are stored: `createMasterKeyWrapping` of `@mb/broker/encryption` makes
 * one of a master key; Encrypt and Decrypt of a KMS make another.
 *
 * @example
 * const wrapping: KeyWrapping = {
 *   wrap: async (plain, context) => ({ blob: await kms.encrypt(plain, { context }) }),
 *   unwrap: ({ blob }, context) => kms.decrypt(blob, { context }),
 * };
 */
export interface KeyWrapping {
  /** Encrypts a key. `context` names it, and should be authenticated with it. Returns a JSON object. */
  readonly wrap: (plain: Uint8Array, context: string) => Promise<object> | object;
  /** The octets that `wrap` was given; throws when `context` differs or the object was changed. */
  readonly unwrap: (wrapped: object, context: string) => Promise<Uint8Array> | Uint8Array;
  /** Whether `wrap` would use another key today; `renewKeys()` and `renewSecrets()` encrypt such keys again. Default: never. */
  readonly isOutdated?: ((wrapped: object) => boolean) | undefined;
}

/** What `KeyWrapping` accepts. */
export const keyWrappingOptions = {
  wrap: required(callback<KeyWrapping['wrap']>()),
  unwrap: required(callback<KeyWrapping['unwrap']>()),
  isOutdated: callback<(wrapped: object) => boolean>(),
} satisfies OptionTable<KeyWrapping>;
