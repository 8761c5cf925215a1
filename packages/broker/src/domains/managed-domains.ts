// Long because of the docstrings of the methods.
import { hostname as machineName } from 'node:os';
import type { DkimAlgorithm } from '@mb/dkim';
import { createResolver, lookupAuthoritative, type Resolver } from '@mb/dns';
import { organizationalDomain } from '@mb/dns/public-suffix';
import { type Clock, systemClock } from '../clock.ts';
import { BrokerError, optionError } from '../errors.ts';
import { readOptions } from '../option-table.ts';
import { warn } from '../process-warning.ts';
import type { ProfileFor } from '../sending-profile.ts';
import type { Page } from '../store/page.ts';
import {
  isRecordConflict,
  type RecordPageRequest,
  type Records,
  recordPageOptions,
} from '../store/records.ts';
import { type BookedDomain, DomainBook } from './domain-book.ts';
import {
  type ChangeDomainOptions,
  changeDomainOptions,
  createReturnPathSecret,
  type DomainChanges,
  readDomainChanges,
  readReturnPath,
  withChanges,
} from './domain-changes.ts';
import { importKeySet, makeKeySet, requireNoRotation, withNextSet, withoutKey } from './domain-keys.ts';
import {
  type ManagedDomainsOptions,
  managedDomainsOptions,
  type NewDomain,
  newDomainOptions,
  type RemoveKeyOptions,
  type RotationOptions,
  removeKeyOptions,
  rotationOptions,
} from './domain-options.ts';
import { type DomainProfileOptions, DomainProfiles, domainProfileOptions } from './domain-profiles.ts';
import { type StoredDomain, type StoredDomainKey, watchCollection } from './domain-record.ts';
import { type AskAuthoritative, lookAtKey } from './key-sighting.ts';
import { advanceKeys, type KeySighting } from './key-state.ts';
import { type KeyVault, limitVault } from './key-vault.ts';
import { KeyWatch } from './key-watch.ts';
import { type DomainCheck, type ManagedDomain, viewDomain } from './managed-domain.ts';
import { type MtaStsSuggestion, suggestMtaSts } from './mta-sts-policy.ts';
import { readOwnDomain, withAncestors } from './own-domain.ts';
import type { ServiceFacts } from './published-records.ts';
import { checkRecord } from './record-check.ts';

const bothAlgorithms: readonly DkimAlgorithm[] = ['rsa-sha256', 'ed25519-sha256'];

/**
 * Domains that are added and whose keys are rotated while programs run: they are stored in the records of the queue,
 * and a change reaches every process within a second.
 *
 * A key signs only after every authoritative server of the zone was seen to have its record, asked directly. An answer
 * that is missing or contradictory never switches a key. Mail of a domain without a key that may sign waits; it is never
 * sent unsigned.
 *
 * It needs the package tldts, to tell domains from public suffixes.
 *
 * @example
 * const store = new SqliteStore('queue.db');
 * await store.open();
 * const vault = createMasterKeyVault(parseMasterKeys(process.env.MB_MASTER_KEY));
 * const domains = new ManagedDomains({ records: store.records, vault, hostname: 'mail.example.com' });
 * const broker = new MailBroker({ hostname: 'mail.example.com', store, profileFor: domains.profileFor() });
 * const { records } = await domains.add({ domain: 'example.com' });
 * console.log(formatZoneFile(records));
 * domains.start(); // looks at DNS and switches
 */
export class ManagedDomains {
  readonly #book: DomainBook;
  readonly #records: Records;
  readonly #vault: KeyVault | undefined;
  readonly #resolver: Resolver;
  readonly #ask: AskAuthoritative;
  readonly #service: ServiceFacts;
  readonly #rotation: Required<{ readonly [K in keyof RotationOptions]: number }>;
  readonly #clock: Clock;
  readonly #watch: KeyWatch;

  /** @throws {BrokerError} MB_BROKER_OPTION; DnsError MB_DNS_OPTION for wrong `dns` options. */
  constructor(options: ManagedDomainsOptions) {
    const read: ManagedDomainsOptions = readOptions(
      options,
      managedDomainsOptions,
      'ManagedDomains: options',
    );
    const { records, vault, dns, allowAddresses, clock = systemClock, onError = warn } = read;
    const resolver = dns && 'query' in dns ? dns : createResolver(dns);
    this.#records = records;
    this.#book = new DomainBook(records);
    this.#vault = vault && limitVault(vault, clock);
    this.#resolver = resolver;
    // A resolver that is asked for the name itself would remember that a key is missing, and hide it from receivers.
    this.#ask =
      read.ask ??
      ((name, type) =>
        lookupAuthoritative(name, type, resolver, { zoneHint: organizationalDomain, allowAddresses }));
    this.#service = { hostname: read.hostname ?? machineName(), addresses: read.addresses ?? [] };
    this.#rotation = readOptions<RotationOptions, typeof rotationOptions>(
      read.rotation,
      rotationOptions,
      'ManagedDomains: options.rotation',
    );
    this.#clock = clock;
    this.#watch = new KeyWatch({
      records,
      clock,
      onError,
      roundMs: Math.min(this.#rotation.pendingMs, this.#rotation.steadyMs, 15_000),
      domains: () => this.#names(),
      look: (domain) => this.#look(domain),
    });
  }

  /**
   * Adds a domain with its first keys. Mail of the domain waits until their records are seen.
   *
   * @returns the domain, with the records to publish.
   * @throws {BrokerError} MB_BROKER_DOMAIN for a domain that cannot be sent from, MB_BROKER_DOMAIN_TAKEN for one that is
   *   there already or below that of another tenant, MB_BROKER_DOMAIN_KEY for keys that cannot be imported,
   *   MB_BROKER_MASTER_KEY without a vault, MB_BROKER_OPTION; DkimError MB_DKIM_KEY_… for keys that cannot sign.
   */
  async add(given: NewDomain): Promise<ManagedDomain> {
    const {
      domain: name,
      algorithms,
      keys,
      tenant,
      ...settings
    } = readOptions<NewDomain, typeof newDomainOptions>(given, newDomainOptions, 'add: domain');
    const domain = readOwnDomain(name);
    const vault = this.#needVault();
    if (keys && algorithms) throw optionError('add: give keys or algorithms, not both.');
    await this.#refuseTaken(domain, tenant);
    const { returnPath } = settings;
    const now = this.#clock.now();
    const set = keys
      ? await importKeySet(domain, keys, vault, now, this.#ask)
      : await makeKeySet(domain, 1, [...new Set(algorithms ?? bothAlgorithms)], vault, now);
    const stored: StoredDomain = {
      ...settings,
      ...(tenant !== undefined && { tenant }),
      ...(returnPath !== undefined && {
        returnPath: readReturnPath(returnPath, domain),
        returnPathSecret: createReturnPathSecret(),
      }),
      createdAt: now,
      sets: [set],
    };
    try {
      return this.#view(await this.#book.create(domain, stored));
    } catch (error) {
      throw isRecordConflict(error) ? taken(domain, 'is there already') : error;
    }
  }

  /** Domains in the order of their names. @throws {BrokerError} MB_BROKER_OPTION */
  async list(page: RecordPageRequest = {}): Promise<Page<ManagedDomain>> {
    const request = readOptions<RecordPageRequest, typeof recordPageOptions>(
      page,
      recordPageOptions,
      'list: page',
    );
    const { rows, next } = await this.#book.list(request);
    const views = rows.map((booked) => this.#view(booked));
    return { rows: views, ...(next !== undefined && { next }) };
  }

  /** A domain with its keys and the records to publish. @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_DOMAIN */
  async get(domain: string): Promise<ManagedDomain> {
    return this.#view(await this.#book.get(readOwnDomain(domain)));
  }

  /**
   * Changes the settings of a domain, for the mail that is sent from then on.
   *
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_DOMAIN, MB_BROKER_OPTION; MB_BROKER_DOMAIN_TAKEN for a tenant
   *   when a domain above belongs to another one; MB_BROKER_RECORD_CONFLICT when `ifVersion` does not hold.
   * @example
   * const { version } = await domains.get('example.com');
   * await domains.change('example.com', { returnPath: 'bounces.example.com', tls: null }, { ifVersion: version });
   */
  async change(
    domain: string,
    changes: DomainChanges,
    options: ChangeDomainOptions = {},
  ): Promise<ManagedDomain> {
    const name = readOwnDomain(domain);
    const read = readDomainChanges(changes, name);
    const { ifVersion } = readOptions<ChangeDomainOptions, typeof changeDomainOptions>(
      options,
      changeDomainOptions,
      'change: options',
    );
    if (read.tenant !== undefined) await this.#refuseOthers(name, read.tenant ?? undefined);
    const changedAt = this.#clock.now();
    const change = (stored: StoredDomain) => withChanges(stored, read, changedAt);
    return this.#view(await this.#book.change(name, change, ifVersion));
  }

  /**
   * The file that belongs to the `_mta-sts` record of a domain. Without a return path, the MX records are looked up.
   *
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_DOMAIN
   */
  async mtaSts(domain: string): Promise<MtaStsSuggestion> {
    const { domain: name, stored } = await this.#book.get(readOwnDomain(domain));
    return suggestMtaSts(name, stored, this.#service, this.#resolver);
  }

  /**
   * Asks all authoritative servers for every record of a domain, and advances its keys by what they say.
   *
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_DOMAIN
   */
  async check(domain: string): Promise<DomainCheck> {
    const { booked, sightings } = await this.#lookAndAdvance(readOwnDomain(domain));
    const { domain: name, stored } = booked;
    const view = this.#view(booked);
    const parts = { ask: this.#ask, resolver: this.#resolver, service: this.#service, sightings };
    const records = await Promise.all(view.records.map((record) => checkRecord(name, record, stored, parts)));
    const ok = records.every(({ need, status }) => need !== 'required' || status === 'seen');
    return { domain: view, records, ok };
  }

  /**
   * Makes the next keys of a domain. They sign when they were seen; the old ones stay published for `retireMs` more.
   *
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_DOMAIN, MB_BROKER_MASTER_KEY without a vault,
   *   MB_BROKER_DOMAIN_KEY while a rotation is under way.
   */
  async rotate(domain: string): Promise<ManagedDomain> {
    const name = readOwnDomain(domain);
    const vault = this.#needVault();
    const { stored } = await this.#book.get(name);
    requireNoRotation(stored);
    const latest = stored.sets.at(-1);
    const algorithms = latest ? latest.keys.map(({ algorithm }) => algorithm) : bothAlgorithms;
    const set = await makeKeySet(name, 0, [...new Set(algorithms)], vault, this.#clock.now());
    const changed = await this.#book.change(name, (now) => withNextSet(now, set));
    await this.#lookSoon(name);
    return this.#view(changed);
  }

  /**
   * Removes a key, with those that were made with it: one that does not sign yet, which ends the rotation, or one that
   * may go.
   *
   * @throws {BrokerError} MB_BROKER_DOMAIN_KEY for one that signs, and for one that mail on its way needs;
   *   MB_BROKER_NOT_FOUND, MB_BROKER_DOMAIN
   */
  async removeKey(domain: string, selector: string, options: RemoveKeyOptions = {}): Promise<ManagedDomain> {
    const { force } = readOptions<RemoveKeyOptions, typeof removeKeyOptions>(
      options,
      removeKeyOptions,
      'removeKey: options',
    );
    const name = readOwnDomain(domain);
    return this.#view(await this.#book.change(name, (now) => withoutKey(now, selector, force)));
  }

  /**
   * Removes a domain with its keys. Its mail that is queued waits, or goes where `otherwise` of `profileFor` sends it.
   *
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_DOMAIN
   */
  async remove(domain: string): Promise<void> {
    await this.#book.delete(readOwnDomain(domain));
  }

  /**
   * Encrypts again all private keys that the vault would now encrypt with another master key.
   *
   * @returns how many keys were encrypted again.
   * @throws {BrokerError} MB_BROKER_MASTER_KEY without a vault, and for a key that none of the master keys opens; those
   *   before it are done.
   */
  async renewKeys(): Promise<number> {
    const vault = this.#needVault();
    let total = 0;
    for await (const { domain } of this.#book.all()) {
      let renewed = 0;
      await this.#book.change(domain, async (stored) => {
        // The change may be repeated: only keys of the one that is written count.
        renewed = 0;
        const renew = async (key: StoredDomainKey) => {
          const { selector, algorithm } = key;
          const handle = await vault.renew?.(key.handle, { domain, selector, algorithm });
          if (handle) renewed += 1;
          return handle ? { ...key, handle } : key;
        };
        const sets = await Promise.all(
          stored.sets.map(async (set) => ({ ...set, keys: await Promise.all(set.keys.map(renew)) })),
        );
        return renewed > 0 ? { ...stored, sets } : stored;
      });
      total += renewed;
    }
    return total;
  }

  /**
   * Chooses the profile of each message: that of the nearest domain at or above the author's.
   *
   * @throws {BrokerError} MB_BROKER_MASTER_KEY without a vault.
   * @example new MailBroker({ hostname, store, profileFor: domains.profileFor() })
   */
  profileFor(options: DomainProfileOptions = {}): ProfileFor {
    const read = readOptions<DomainProfileOptions, typeof domainProfileOptions>(
      options,
      domainProfileOptions,
      'profileFor: options',
    );
    const profiles = new DomainProfiles(
      { records: this.#records, vault: this.#needVault(), clock: this.#clock },
      read,
    );
    return (message) => profiles.for(message);
  }

  /** Begins to check and advance the keys of all domains; of several processes one checks a domain at a time. */
  start(): void {
    this.#watch.start();
  }

  /** Ends the watch, after the checks under way. */
  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  /** Checks all domains that are due, once: for programs with a schedule of their own, and for tests. */
  async advance(): Promise<void> {
    await this.#watch.round();
  }

  /** As {@link ManagedDomains.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async *#names(): AsyncGenerator<string, void, undefined> {
    for await (const { domain } of this.#book.all()) yield domain;
  }

  /** One check of the watch; returns after how many milliseconds the next one is due. */
  async #look(domain: string): Promise<number> {
    const { pendingMs, steadyMs } = this.#rotation;
    // It may have been removed meanwhile.
    if (!(await this.#book.find(domain))) return steadyMs;
    const { stored } = (await this.#lookAndAdvance(domain)).booked;
    const isPending = stored.sets.some(
      ({ state, keys }) =>
        state === 'next' ||
        state === 'published' ||
        (state === 'active' && keys.some(({ withdrawn }) => withdrawn)),
    );
    if (isPending) return pendingMs;
    const ends = stored.sets.map(
      ({ keepUntil }) => (keepUntil ?? Number.POSITIVE_INFINITY) - this.#clock.now(),
    );
    return Math.max(pendingMs, Math.min(steadyMs, ...ends));
  }

  async #lookAndAdvance(name: string) {
    const booked = await this.#book.get(name);
    const keys = booked.stored.sets.flatMap((set) => set.keys);
    const found = await Promise.all(
      keys.map(async (key) => [key.selector, await lookAtKey(name, key, this.#ask)] as const),
    );
    const sightings: ReadonlyMap<string, KeySighting> = new Map(found);
    const sets = advanceKeys(booked.stored.sets, sightings, this.#clock.now(), this.#rotation);
    const changed = JSON.stringify(sets) !== JSON.stringify(booked.stored.sets);
    const next = changed ? { ...booked.stored, sets } : booked.stored;
    // The sightings are about the keys as they were read: when another process has changed them, they are ignored.
    const written = changed ? await this.#book.replace(booked, next) : booked;
    return { booked: written ?? (await this.#book.get(name)), sightings };
  }

  /** Makes the domain due at once. */
  async #lookSoon(domain: string): Promise<void> {
    await this.#records.put(watchCollection, domain, { nextAt: 0 });
  }

  async #refuseTaken(domain: string, tenant: string | undefined): Promise<void> {
    if (await this.#book.find(domain)) throw taken(domain, 'is there already');
    await this.#refuseOthers(domain, tenant);
  }

  /** Refuses a domain below one of another tenant. */
  async #refuseOthers(domain: string, tenant: string | undefined): Promise<void> {
    for (const name of withAncestors(domain)) {
      const found = name === domain ? undefined : await this.#book.find(name);
      if (found?.stored.tenant !== undefined && found.stored.tenant !== tenant) {
        throw taken(domain, 'is below a domain of another tenant');
      }
    }
  }

  #view(booked: BookedDomain): ManagedDomain {
    return viewDomain(booked, this.#service);
  }

  #needVault(): KeyVault {
    if (this.#vault) return this.#vault;
    throw new BrokerError(
      'MB_BROKER_MASTER_KEY',
      'api-misuse',
      'There is no master key, so that private keys can be neither made nor opened. Give one: "mb domain master-key new" makes it.',
    );
  }
}

function taken(domain: string, why: string): BrokerError {
  const message = `${domain} ${why}.`;
  return new BrokerError('MB_BROKER_DOMAIN_TAKEN', 'invalid-input', message, { field: 'domain' });
}
