import type { DkimAlgorithm } from '@mb/dkim';
import type { Resolver, ResolverOptions } from '@mb/dns';
import type { Clock } from '../clock.ts';
import {
  callback,
  flag,
  group,
  integer,
  list,
  matching,
  type OptionTable,
  required,
  text,
  withMethods,
  word,
} from '../option-table.ts';
import { tlsOptions } from '../options.ts';
import { ehloName } from '../sender/egress-source.ts';
import type { Records } from '../store/records.ts';
import type { ImportedKey } from './domain-keys.ts';
import type { DomainSettings } from './domain-record.ts';
import type { AskAuthoritative } from './key-sighting.ts';
import type { KeyVault } from './key-vault.ts';

/** Options of `ManagedDomains`. */
export interface ManagedDomainsOptions {
  /** Where domains are kept: `broker.records`, or `records` of a store. */
  readonly records: Records;
  /** Where private keys are kept. Without one, domains can be looked at and removed; nothing can be added or signed. */
  readonly vault?: KeyVault | undefined;
  /** Finds the authoritative servers: a resolver, or options for one. Default: the system's servers. */
  readonly dns?: Resolver | ResolverOptions | undefined;
  /** Asks all authoritative servers of a name. Default: `lookupAuthoritative` of @mb/dns. */
  readonly ask?: AskAuthoritative | undefined;
  /** CIDR blocks in which servers may be asked although they are not public, for labs and intranets. Default none. */
  readonly allowAddresses?: readonly string[] | undefined;
  /** The name in EHLO, for the records to publish. Default: the name of the machine. */
  readonly hostname?: string | undefined;
  /** Addresses that mail leaves from, for the SPF record. Default: those that `hostname` has. */
  readonly addresses?: readonly string[] | undefined;
  /** When keys change. */
  readonly rotation?: RotationOptions | undefined;
  /** Called with what fails in the background. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Time source. Default: the machine's. */
  readonly clock?: Clock | undefined;
}

/** When keys change and how often DNS is looked at. */
export interface RotationOptions {
  /**
   * How long all servers must have had the next keys before they replace others, in milliseconds; longer where resolvers
   * may remember for longer that they were missing, up to 3 hours. Default 5 minutes.
   */
  readonly settleMs?: number | undefined;
  /**
   * How long keys stay published after their last signature, in milliseconds: the longest `expireAfterMs` of messages
   * that are signed when they are queued, and time for the queues of receivers. Default 7 days: 5 in our queue, 2 in
   * theirs.
   */
  readonly retireMs?: number | undefined;
  /** Time between two checks of a domain whose keys wait for something, in milliseconds. Default 1 minute. */
  readonly pendingMs?: number | undefined;
  /** Time between two checks of other domains, in milliseconds. Default 15 minutes. */
  readonly steadyMs?: number | undefined;
}

/** A domain to add. */
export interface NewDomain extends DomainSettings {
  /** The domain of From, in A-labels or U-labels. It is also for the domains below it that are not managed themselves. */
  readonly domain: string;
  /**
   * The tenant of the domain: no other tenant may send as it, or as a domain below it. Default: that of all tenants.
   */
  readonly tenant?: string | undefined;
  /** Keys to make. Default: `rsa-sha256` and `ed25519-sha256`, which sign side by side. */
  readonly algorithms?: readonly DkimAlgorithm[] | undefined;
  /** Keys that the domain has already, instead of new ones. They are active when their records are seen. */
  readonly keys?: readonly ImportedKey[] | undefined;
}

/** How a key is removed. */
export interface RemoveKeyOptions {
  /**
   * Also remove a key that is retiring, for example after it was stolen: mail on its way may then fail to verify.
   * Default false.
   */
  readonly force?: boolean | undefined;
}

/** What `RemoveKeyOptions` accepts. */
export const removeKeyOptions = { force: flag({ default: false }) } satisfies OptionTable<RemoveKeyOptions>;

const minute = 60_000;
const day = 24 * 60 * minute;

/** What `RotationOptions` accepts. */
export const rotationOptions = {
  settleMs: integer(0, 30 * day, { default: 5 * minute, unit: 'ms' }),
  retireMs: integer(0, 365 * day, { default: 7 * day, unit: 'ms' }),
  pendingMs: integer(1, day, { default: minute, unit: 'ms' }),
  steadyMs: integer(1, day, { default: 15 * minute, unit: 'ms' }),
} satisfies OptionTable<RotationOptions>;

/** What `ManagedDomainsOptions` accepts. */
export const managedDomainsOptions = {
  records: required(withMethods<Records>('get', 'put', 'delete', 'list', 'changes')),
  vault: withMethods<KeyVault>('create', 'open'),
  dns: matching<Resolver | ResolverOptions>(
    'a resolver, or options for one',
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ),
  ask: callback<AskAuthoritative>(),
  allowAddresses: list(text('a CIDR block')),
  hostname: text('a full name, such as "mail.example.com"', { pattern: ehloName }),
  addresses: list(text('an IP address')),
  rotation: group<RotationOptions>(rotationOptions),
  onError: callback<(error: unknown) => void>(),
  clock: withMethods<Clock>('now', 'setTimer'),
} satisfies OptionTable<ManagedDomainsOptions>;

const settingRows = {
  hostname: text('a full name, such as "mail.example.com"', { pattern: ehloName }),
  returnPath: text('a domain such as "bounces.example.com"', { pattern: /./s }),
  tls: tlsOptions.minimum,
};

/** What `NewDomain` accepts. */
export const newDomainOptions = {
  domain: required(text('a domain such as "example.com"')),
  tenant: text('a string that is not empty', { pattern: /./s }),
  ...settingRows,
  algorithms: list(word(['rsa-sha256', 'ed25519-sha256']), 1),
  keys: list(
    group<ImportedKey>({
      selector: required(text('a selector', { pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i })),
      privateKey: required(text('a private key in PEM')),
    }),
    1,
  ),
} satisfies OptionTable<NewDomain>;
