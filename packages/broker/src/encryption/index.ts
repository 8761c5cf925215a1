/**
 * Encryption of what a store keeps: private keys of managed domains and secrets of webhooks.
 *
 * - `createMasterKeyWrapping`: with a master key, by AES-256-GCM
 * - `generateMasterKey`, `parseMasterKeys`: master keys as text
 *
 * @packageDocumentation
 */
export type { KeyWrapping } from './key-wrapping.ts';
export {
  createMasterKeyWrapping,
  generateMasterKey,
  type MasterKey,
  parseMasterKeys,
} from './master-key.ts';
