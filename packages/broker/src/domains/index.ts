/**
 * Domains that are added and whose keys are rotated while programs run. Needs the package tldts.
 *
 * - `ManagedDomains`: add, check and rotate; `profileFor()` for a broker, `start()` for the switching of keys
 * - `createMasterKeyVault`, `createWrappingVault`: where private keys are kept
 * - `formatZoneFile`: what to publish
 *
 * @packageDocumentation
 */

export type { KeyWrapping } from '../encryption/key-wrapping.ts';
export { generateMasterKey, type MasterKey, parseMasterKeys } from '../encryption/master-key.ts';
export type { ChangeDomainOptions, DomainChanges } from './domain-changes.ts';
export type { ImportedKey } from './domain-keys.ts';
export type {
  ManagedDomainsOptions,
  NewDomain,
  RemoveKeyOptions,
  RotationOptions,
} from './domain-options.ts';
export type { DomainProfileOptions } from './domain-profiles.ts';
export type { DomainSettings } from './domain-record.ts';
export type { AskAuthoritative } from './key-sighting.ts';
export type { KeyState, Sighting } from './key-state.ts';
export {
  type CreatedKey,
  createMasterKeyVault,
  createWrappingVault,
  type KeyName,
  type KeyVault,
} from './key-vault.ts';
export type { DomainCheck, DomainKey, ManagedDomain } from './managed-domain.ts';
export { ManagedDomains } from './managed-domains.ts';
export type { MtaStsSuggestion } from './mta-sts-policy.ts';
export {
  type DomainRecord,
  formatZoneFile,
  mtaStsPolicy,
  type RecordPurpose,
  textStrings,
} from './published-records.ts';
export type { CheckedRecord } from './record-check.ts';
