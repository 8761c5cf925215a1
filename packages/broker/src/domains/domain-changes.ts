import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { BrokerError, optionError } from '../errors.ts';
import { either, integer, matching, type OptionRow, type OptionTable, readOptions } from '../option-table.ts';
import { newDomainOptions } from './domain-options.ts';
import type { DomainSettings, StoredDomain } from './domain-record.ts';
import { readOwnDomain } from './own-domain.ts';

/** Changes of a domain. Fields that are left out keep their values; `null` restores the default. */
export interface DomainChanges {
  /** The name in EHLO, and the host that the return path leads to. */
  readonly hostname?: string | null | undefined;
  /**
   * A domain for return paths. Bounces to the previous one are no longer recognised: change it when the mail on its way
   * is delivered.
   */
  readonly returnPath?: string | null | undefined;
  /** As `tls.minimum` of a profile. */
  readonly tls?: DomainSettings['tls'] | null;
  /** Whose domain it is; null: that of all tenants. */
  readonly tenant?: string | null | undefined;
}

/** How a domain is changed. */
export interface ChangeDomainOptions {
  /** Change only when the domain still has this `version`. Default: change any version. */
  readonly ifVersion?: number | undefined;
}

const orNull = <V>(row: OptionRow<V>) =>
  either<null, V>(
    matching<null>('null', (value) => value === null),
    row,
  );

/** What {@link DomainChanges} accepts. */
export const domainChangesOptions = {
  hostname: orNull(newDomainOptions.hostname),
  returnPath: orNull(newDomainOptions.returnPath),
  tls: orNull(newDomainOptions.tls),
  tenant: orNull(newDomainOptions.tenant),
} satisfies OptionTable<DomainChanges>;

/** What {@link ChangeDomainOptions} accepts. */
export const changeDomainOptions = {
  ifVersion: integer(1, Number.MAX_SAFE_INTEGER),
} satisfies OptionTable<ChangeDomainOptions>;

/** Checked changes. @throws {BrokerError} MB_BROKER_OPTION, MB_BROKER_DOMAIN */
export function readDomainChanges(given: DomainChanges, domain: string): DomainChanges {
  const where = 'change: changes';
  const read: DomainChanges = readOptions(given, domainChangesOptions, where);
  if (Object.keys(read).length === 0) throw optionError(`${where} must name what is changed.`);
  const { returnPath } = read;
  return typeof returnPath === 'string' ? { ...read, returnPath: readReturnPath(returnPath, domain) } : read;
}

/** A domain with changes; itself when nothing differs. */
export function withChanges(stored: StoredDomain, changes: DomainChanges, now: number): StoredDomain {
  const next: Record<string, unknown> = { ...stored };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete next[key];
    else next[key] = value;
  }
  // It stays when there is no return path any more, so that there may be one again.
  if (next.returnPath !== undefined) next.returnPathSecret ??= createReturnPathSecret();
  return isDeepStrictEqual(next, stored) ? stored : ({ ...next, changedAt: now } as unknown as StoredDomain);
}

/** What proves return paths to be ours. */
export function createReturnPathSecret(): string {
  return randomBytes(24).toString('base64url');
}

/**
 * Relaxed alignment (RFC 9989 §4.4) wants the return path in the same organization, so it must be below the domain.
 *
 * @throws {BrokerError} MB_BROKER_DOMAIN
 */
export function readReturnPath(text: string, domain: string): string {
  const name = readOwnDomain(text);
  if (name !== domain && name.endsWith(`.${domain}`)) return name;
  throw new BrokerError(
    'MB_BROKER_DOMAIN',
    'invalid-input',
    `The return path ${JSON.stringify(name)} must be below ${domain}, such as bounces.${domain}.`,
    { field: 'returnPath' },
  );
}
