import type { DkimAlgorithm } from '@mb/dkim';
import type { ProfileTls } from '../sending-profile.ts';
import type { KeyInSet, KeySet } from './key-state.ts';
import type { CreatedKey } from './key-vault.ts';

/** The collection of domains among the records of a store; the key is the domain. */
export const domainCollection = 'domain';
/** When each domain is checked next: a record of its own, since it changes with each check and the domain does not. */
export const watchCollection = 'domain-watch';

/** Settings of a domain, besides its keys. */
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
  /** Proves that a return path is ours. It does not protect mail: a program that can read the queue may know it. */
  readonly returnPathSecret?: string;
  readonly sets: readonly KeySet<StoredDomainKey>[];
}
