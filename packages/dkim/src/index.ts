/** DKIM and ARC signatures for e-mail: sign, verify, seal (RFC 6376, 8301, 8463, 8616, 8617).
 *
 *  @module
 */
export type { BareCr, Canonicalization } from './canon/body.ts';
export { DkimError, type DkimErrorCode, type DkimErrorKind } from './errors.ts';
export { defaultHeaders, defaultOversign } from './field-selection.ts';
export { generateKeyPair, type KeyPair, type KeyPairOptions } from './key-pair.ts';
export type { DkimAlgorithm, ExternalKey, PrivateKeyInput } from './keys.ts';
export { type MessageSource, toCrlf } from './message.ts';
export {
  createSigner,
  type DkimSigner,
  type DkimWarning,
  type SignCallOptions,
  signMessage,
} from './sign.ts';
export type { CanonicalizationPair, SelectorKey, SignatureSettings, SignOptions } from './sign-options.ts';
