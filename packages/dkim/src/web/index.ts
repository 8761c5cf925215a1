/**
 * DKIM and ARC on WebCrypto, for browsers, workers and edge runtimes, which have no node:crypto. It has the same code,
 * options, limits and results as `@mb/dkim`.
 *
 * Keys are PEM or DER without a passphrase, an Ed25519 seed, or `{ algorithm, sign }` for a CryptoKey or a key held
 * elsewhere. The canonical body is buffered in memory until it is hashed.
 *
 * @packageDocumentation
 */
export { type SealOptions, type SealOutcome, sealMessage } from '../arc/seal.ts';
export {
  type ArcOutcome,
  type ArcReason,
  type ArcSetResult,
  type ArcStatus,
  verifyArc,
} from '../arc/verify.ts';
export type { BareCr } from '../canon/body.ts';
export type { CanonicalizationPair } from '../canon/canonicalization.ts';
export { arcResult, dkimResults } from '../dkim-results.ts';
export { DkimError, type DkimErrorCode, type DkimErrorKind } from '../errors.ts';
export type { ResolveTxt } from '../key-lookup.ts';
export { type KeyRecord, parseKeyRecord } from '../key-record.ts';
export type { DkimAlgorithm, ExternalKey, PrivateKeyInput } from '../keys.ts';
export { type MessageSource, toCrlf } from '../message.ts';
export { prependFields } from '../prepend-fields.ts';
export type { SelfCheckOptions } from '../self-check.ts';
export {
  createSigner,
  type DkimSigner,
  type DkimWarning,
  type SignCallOptions,
  signMessage,
} from '../sign.ts';
export type { SelectorKey, SignatureSettings, SignOptions } from '../sign-options.ts';
export type { SignatureResult } from '../signature-result.ts';
export type { Verdict, VerifyReason, VerifyStatus } from '../verdict.ts';
export { type VerifyOutcome, verifyMessage } from '../verify.ts';
export type { VerifyOptions } from '../verify-options.ts';
