import { domainToAscii, MimeError } from '@mb/mime';
import { optionError } from './errors.ts';
import { list, type OptionTable, readOptions, required, text } from './option-table.ts';
import { readSendingProfile, sendingProfileOptions } from './options.ts';
import { checkKeys } from './sender/keyring.ts';
import type { ProfiledMessage, ProfileFor, SendingProfile } from './sending-profile.ts';

/** The sending profile of a domain. */
export interface DomainProfile extends Omit<SendingProfile, 'name'> {
  /** Domain of From, such as `example.com`; it includes the domains below it that have no profile. `*`: every other one. */
  readonly domain: string;
  /** The tenants that it is for; no other one sends as this domain then. Default: all messages, also those without a tenant. */
  readonly tenants?: readonly string[] | undefined;
  /** Tells profiles apart. Default: the domain, with the tenants. */
  readonly name?: string | undefined;
}

/** What `DomainProfile` accepts. */
export const domainProfileOptions = {
  ...sendingProfileOptions,
  domain: required(text('a domain such as "example.com", or "*"', { pattern: /^(?:\*|[^\s@*]+)$/ })),
  tenants: list(text('a string that is not empty', { pattern: /./s }), 1),
  name: text('a string that is not empty', { pattern: /./s }),
} satisfies OptionTable<DomainProfile>;

/** The profiles of one domain. */
interface DomainEntry {
  readonly byTenant: Map<string, SendingProfile>;
  /** For tenants that have none of their own. */
  rest?: SendingProfile;
}

/**
 * Makes a `profileFor` of a list: the domain of From chooses, the nearest one first, and the tenant where profiles name
 * tenants. A message that no profile fits is not sent; it waits as for every profile that is not available.
 *
 * @throws {BrokerError} MB_BROKER_OPTION for two profiles that fit the same messages, and for wrong options, with the
 *   index; DkimError MB_DKIM_KEY_… for a key that cannot sign.
 * @example
 * const broker = new MailBroker({
 *   hostname: 'mail.example.com',
 *   profileFor: profilesByDomain([
 *     { domain: 'example.com', dkim: { domain: 'example.com', selector: 's1', privateKey } },
 *     { domain: 'example.org', tenants: ['shop'], sources: [{ name: 'shop', localAddresses: ['192.0.2.7'] }] },
 *   ]),
 * });
 */
export function profilesByDomain(profiles: readonly DomainProfile[]): ProfileFor {
  if (!Array.isArray(profiles) || profiles.length === 0) {
    throw optionError('profilesByDomain: profiles must be an array of at least 1.');
  }
  const domains = new Map<string, DomainEntry>();
  const names = new Set<string>();
  for (const [index, given] of profiles.entries()) {
    const where = `profilesByDomain: profiles[${index}]`;
    const { domain, tenants, name, ...rest } = readOptions<DomainProfile, typeof domainProfileOptions>(
      given,
      domainProfileOptions,
      where,
    );
    const key = domain === '*' ? domain : readDomain(domain, where);
    const unique = name ?? (tenants ? `${key} (${tenants.join(', ')})` : key);
    if (names.has(unique)) throw optionError(`${where}: two profiles are called ${JSON.stringify(unique)}.`);
    names.add(unique);
    const profile = readSendingProfile({ name: unique, ...rest }, where);
    checkKeys(profile.dkim);
    addProfile(domains, key, tenants, profile, where);
  }
  return (message) => findProfile(domains, message);
}

function readDomain(domain: string, where: string): string {
  try {
    return domainToAscii(domain);
  } catch (error) {
    throw MimeError.isInstance(error) ? optionError(`${where}.domain: ${error.message}`) : error;
  }
}

function addProfile(
  domains: Map<string, DomainEntry>,
  domain: string,
  tenants: readonly string[] | undefined,
  profile: SendingProfile,
  where: string,
): void {
  const entry: DomainEntry = domains.get(domain) ?? { byTenant: new Map() };
  domains.set(domain, entry);
  if (!tenants) {
    if (entry.rest) throw optionError(`${where}: there are two profiles for ${domain} without tenants.`);
    entry.rest = profile;
  }
  for (const tenant of tenants ?? []) {
    if (entry.byTenant.has(tenant)) {
      throw optionError(
        `${where}: there are two profiles for ${domain} and tenant ${JSON.stringify(tenant)}.`,
      );
    }
    entry.byTenant.set(tenant, profile);
  }
}

function findProfile(
  domains: ReadonlyMap<string, DomainEntry>,
  { tenant, authorDomain }: ProfiledMessage,
): SendingProfile {
  const [domain, entry] = nearestEntry(domains, authorDomain);
  // The nearest domain decides: one that belongs to other tenants is not sent as through a wider profile.
  const found = (tenant === undefined ? undefined : entry?.byTenant.get(tenant)) ?? entry?.rest;
  if (found) return found;
  throw new Error(
    entry
      ? `the profiles of ${domain} are for other tenants.`
      : `no profile is for this domain; there are profiles for ${[...domains.keys()].join(', ')}.`,
  );
}

function nearestEntry(
  domains: ReadonlyMap<string, DomainEntry>,
  authorDomain: string,
): readonly [domain: string, entry: DomainEntry | undefined] {
  for (let name = domainToAscii(authorDomain); ; name = name.slice(name.indexOf('.') + 1)) {
    const entry = domains.get(name);
    if (entry) return [name, entry];
    if (!name.includes('.')) return ['*', domains.get('*')];
  }
}
