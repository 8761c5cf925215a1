import { domainToAscii } from '@mb/mime';
import type { Clock } from '../clock.ts';
import { callback, list, matching, type OptionTable, text } from '../option-table.ts';
import type { ProfiledMessage, ProfileFor, SendingProfile } from '../sending-profile.ts';
import { type RecordChange, type Records, recordDeletionMs } from '../store/records.ts';
import { TimedCalls } from '../timed-calls.ts';
import { domainCollection, type StoredDomain } from './domain-record.ts';
import { signingKeys } from './key-state.ts';
import { type KeyVault, openKey } from './key-vault.ts';
import { withAncestors } from './own-domain.ts';

/** Other parts of the profiles of managed domains, and the profiles of other mail. */
export interface DomainProfileOptions {
  /** Parts of each profile that do not come from the domain: sources, routes, limits. Default: those of the broker. */
  readonly defaults?: Omit<SendingProfile, 'name' | 'dkim' | 'dkimCheck' | 'verp'> | undefined;
  /** Chooses the profile of mail that is of no managed domain. Default: such mail waits. */
  readonly otherwise?: ProfileFor | undefined;
  /** Domains that `otherwise` has profiles for. Of one that is managed too, and of the domains below it, these win. */
  readonly configured?: readonly string[] | undefined;
}

/** What `DomainProfileOptions` accepts; the parts of a profile are checked where it is used. */
export const domainProfileOptions = {
  defaults: matching<NonNullable<DomainProfileOptions['defaults']>>(
    'an object with parts of a sending profile',
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ),
  otherwise: callback<ProfileFor>(),
  configured: list(text('a domain such as "example.com", or "*"', { pattern: /^(?:\*|[^\s@*]+)$/ })),
} satisfies OptionTable<DomainProfileOptions>;

/** What the profiles take from the domains. */
export interface DomainProfilesParts {
  readonly records: Records;
  readonly vault: KeyVault;
  readonly clock: Clock;
}

/** Greatest age of the known domains when a message is signed, in milliseconds. */
const maxAgeMs = 1000;
/** After this time the store may have forgotten a deletion, so that all domains are read again. */
const rereadMs = recordDeletionMs / 2;
const pageRows = 1000;

interface KnownDomain {
  readonly stored: StoredDomain;
  readonly vaultCalls: TimedCalls;
  profile?: Promise<SendingProfile>;
}

/**
 * The sending profiles of the managed domains, as the records of the store say now.
 *
 * A change applies after a second at most; while the store cannot be read there is no profile, and mail waits.
 */
export class DomainProfiles {
  readonly #parts: DomainProfilesParts;
  readonly #options: DomainProfileOptions;
  readonly #configured: ReadonlySet<string>;
  #known = new Map<string, KnownDomain>();
  #version = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(parts: DomainProfilesParts, options: DomainProfileOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#configured = new Set(
      (options.configured ?? []).map((name) => (name === '*' ? '*' : domainToAscii(name))),
    );
  }

  /** @throws an error that says why there is no profile; the message then waits. */
  async for(message: ProfiledMessage): Promise<SendingProfile> {
    await this.#refresh();
    const { otherwise } = this.#options;
    for (const name of withAncestors(domainToAscii(message.authorDomain))) {
      if (otherwise && this.#configured.has(name)) return otherwise(message);
      const known = this.#known.get(name);
      if (known) return this.#profileOf(name, known, message.tenant);
    }
    if (otherwise) return otherwise(message);
    throw new Error(
      `it is not one of the managed domains; add it with "mb domain add ${message.authorDomain}".`,
    );
  }

  #profileOf(domain: string, known: KnownDomain, tenant: string | undefined): Promise<SendingProfile> {
    const { stored } = known;
    // The nearest domain decides: one that belongs to another tenant is not sent as through a wider one.
    if (stored.tenant !== undefined && stored.tenant !== tenant)
      throw new Error(`${domain} belongs to another tenant.`);
    known.profile ??= this.#make(domain, known).catch((error) => {
      // A vault that fails is asked again; one that is silent, after a while.
      delete known.profile;
      throw error;
    });
    return known.profile;
  }

  async #make(domain: string, { stored, vaultCalls }: KnownDomain): Promise<SendingProfile> {
    const keys = signingKeys(stored.sets);
    if (keys.length === 0) throw new Error(whyUnsigned(domain, stored));
    const dkim = await vaultCalls.call('the key vault', () =>
      Promise.all(
        keys.map(async (key) => ({
          domain,
          selector: key.selector,
          privateKey: await openKey(this.#parts.vault, { ...key, domain }),
        })),
      ),
    );
    const { hostname, returnPath, returnPathSecret: secret, tls } = stored;
    const { defaults = {} } = this.#options;
    return {
      ...defaults,
      // No profile of the configuration has a name with this sign.
      name: `${domain} (managed)`,
      dkim,
      // All servers of the zone are asked before a key signs, so the check of the profile would add nothing.
      dkimCheck: 'off',
      ...(hostname !== undefined && { hostname }),
      ...(returnPath !== undefined &&
        secret !== undefined && { verp: { address: `bounces@${returnPath}`, secret } }),
      ...(tls !== undefined && { tls: { ...defaults.tls, minimum: tls } }),
    };
  }

  /** One reading serves all messages that come meanwhile. */
  async #refresh(): Promise<void> {
    const age = this.#parts.clock.now() - this.#readAt;
    // A clock that was set back must not keep an old view alive.
    if (age >= 0 && age < maxAgeMs) return;
    this.#reading ??= this.#read(age).finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #read(age: number): Promise<void> {
    const startedAt = this.#parts.clock.now();
    const rereads = !(age < rereadMs);
    const known = rereads ? new Map<string, KnownDomain>() : this.#known;
    let version = rereads ? 0 : this.#version;
    for (;;) {
      const changes = await this.#parts.records.changes(domainCollection, version, pageRows);
      for (const change of changes) this.#apply(known, change);
      version = changes.at(-1)?.version ?? version;
      this.#version = version;
      if (changes.length < pageRows) break;
    }
    this.#known = known;
    this.#readAt = startedAt;
  }

  #apply(known: Map<string, KnownDomain>, { key, value }: RecordChange): void {
    if (!value) {
      known.delete(key);
      return;
    }
    const stored = value as StoredDomain;
    const before = known.get(key);
    const vaultCalls = before?.vaultCalls ?? new TimedCalls(this.#parts.clock);
    // A profile stays the same object while its parts do: parsed keys and connections belong to it.
    const profile = before && sameProfile(before.stored, stored) ? before.profile : undefined;
    known.set(key, { stored, vaultCalls, ...(profile && { profile }) });
  }
}

function sameProfile(one: StoredDomain, other: StoredDomain): boolean {
  const facts = ({ hostname, returnPath, returnPathSecret, tls, sets }: StoredDomain) =>
    JSON.stringify([
      hostname,
      returnPath,
      returnPathSecret,
      tls,
      signingKeys(sets).map(({ selector, handle }) => [selector, handle]),
    ]);
  return facts(one) === facts(other);
}

function whyUnsigned(domain: string, { sets }: StoredDomain): string {
  const active = sets.find(({ state }) => state === 'active');
  const names = (active ?? sets.at(-1))?.keys
    .map(({ selector }) => `${selector}._domainkey.${domain}`)
    .join(', ');
  if (active)
    return `no server of ${domain} has the record of its active key any more; publish ${names} again.`;
  if (names === undefined) return `${domain} has no key; make one with "mb domain rotate ${domain}".`;
  return `no key of ${domain} is seen by all of its servers yet; publish ${names}.`;
}
