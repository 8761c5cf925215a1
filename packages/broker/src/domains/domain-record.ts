import type { DkimAlgorithm } from '@mb/dkim';
import type { ProfileTls } from '../sending-profile.ts';
import type { KeyInSet, KeySet } from './key-state.ts';
import type { CreatedKey } from './key-vault.ts';

/** The collection of domains among the records of a store; the key is the domain. */
export const domainCollection = 'domain';
/** When each domain is looked at next. It changes with each look, which the domain itself does not. */
export const watchCollection = 'domain-watch';

/** What a domain is sent with, besides its keys. */
export interface DomainSettings {
  /** The name in EHLO, and the host that the return path leads to. Default: the broker's. */
  readonly hostname?: string | undefined;
  /**
   * A domain for return paths, such as `bounces.example.com`: mail gets a return path of its own for each recipient, so
   * that a bounce names it. Default: the return path is that of the message.
   */
  readonly returnPath?: string | undefined;
  /** As `tls.minimum` of a profile. Default: the broker's. */
  readonly tls?: ProfileTls['minimum'];
}

/** A key of a domain as it is stored. */
export interface StoredDomainKey extends KeyInSet, CreatedKey {
  readonly algorithm: DkimAlgorithm;
}

/** A domain as it is stored. */
export interface StoredDomain extends DomainSettings {
  /** Whose domain it is; absent: that of all tenants. */
  readonly tenant?: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** When its settings were changed last, in epoch milliseconds. */
  readonly changedAt?: number;
  /** Proves return paths to be ours. It is no key: who can read the queue learns nothing from it. */
  readonly returnPathSecret?: string;
  readonly sets: readonly KeySet<StoredDomainKey>[];
}
