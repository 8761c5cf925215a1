/**
 * DKIM and ARC for e-mail: sign, verify and seal messages (RFC 6376, 8301, 8463, 8616, 8617).
 *
 * @module
 */

export { type SealOptions, type SealOutcome, sealMessage } from './arc/seal.ts';
export type { ArcOutcome, ArcReason, ArcSetResult, ArcStatus } from './arc/verify.ts';
export { verifyArc } from './arc/verify.ts';
export {
  type AuthenticationResults,
  type AuthenticationResultsDefect,
  formatAuthenticationResults,
  type MethodResult,
  parseAuthenticationResults,
  type ResultProperty,
} from './authentication-results.ts';
export type { BareCr } from './canon/body.ts';
export type { Canonicalization, CanonicalizationPair } from './canon/canonicalization.ts';
export { arcResult, dkimResults } from './dkim-results.ts';
export { DkimError, type DkimErrorCode, type DkimErrorKind } from './errors.ts';
export { defaultHeaders, defaultOversign } from './field-selection.ts';
export type { ResolveTxt } from './key-lookup.ts';
export { generateKeyPair, type KeyPair, type KeyPairOptions } from './key-pair.ts';
export { type KeyRecord, parseKeyRecord } from './key-record.ts';
export type { DkimAlgorithm, ExternalKey, PrivateKeyInput } from './keys.ts';
export { type MessageSource, toCrlf } from './message.ts';
export { prependFields } from './prepend-fields.ts';
export { checkPublishedKey, type PublishedKeyCheck, type PublishedKeyOptions } from './published-key.ts';
export type { SelfCheckOptions } from './self-check.ts';
export {
  createSigner,
  type DkimSigner,
  type DkimWarning,
  type SignCallOptions,
  signMessage,
} from './sign.ts';
export { isKeyValid, type SelectorKey, type SignatureSettings, type SignOptions } from './sign-options.ts';
export type { SignatureResult } from './signature-result.ts';
export { formatTagList, parseTagList, type TagList } from './tag-list.ts';
export type { Verdict, VerifyReason, VerifyStatus } from './verdict.ts';
export { type VerifyOutcome, verifyMessage } from './verify.ts';
export type { VerifyOptions } from './verify-options.ts';
