import { isIP } from 'node:net';
import { checkArgument, hasFields } from './argument.ts';
import { normalizeDomain } from './domain.ts';
import type { SkippedHost } from './mail-host.ts';
import { escapeControls } from './printable.ts';
import type { MxRecord } from './record.ts';

/** The hosts of an MX set in the order in which they are tried. */
export interface MxOrder {
  /** Whether the domain accepts no mail (RFC 7505). */
  readonly nullMx: boolean;
  readonly hosts: readonly { readonly name: string; readonly preference: number }[];
  readonly skipped: readonly SkippedHost[];
}

/**
 * Orders MX records by preference, equal preferences at random. Duplicate names are removed; unusable names and those
 * beyond `maxHosts` are skipped.
 *
 * Addresses, single labels and `localhost` are unusable. Names with underscores are allowed, since such hosts exist.
 */
export function orderMx(records: readonly MxRecord[], random: () => number, maxHosts: number): MxOrder {
  // RFC 7505 §3: a null MX counts only if it is alone.
  if (records.length > 0 && records.every((record) => record.exchange === '.')) {
    return { nullMx: true, hosts: [], skipped: [] };
  }
  const usable = selectUsable(records);
  const hosts = byPreference(usable.hosts, random);
  if (hosts.length <= maxHosts) return { nullMx: false, hosts, skipped: usable.skipped };
  const reason = `Only the ${maxHosts} most preferred mail exchangers are used.`;
  const cut = hosts.splice(maxHosts).map((host) => ({ ...host, reason }));
  return { nullMx: false, hosts, skipped: [...usable.skipped, ...cut] };
}

/** Caches results by the record array of an answer, which is the same for a cached answer. */
const usableHosts = new WeakMap<readonly MxRecord[], Pick<MxOrder, 'hosts' | 'skipped'>>();

function selectUsable(records: readonly MxRecord[]): Pick<MxOrder, 'hosts' | 'skipped'> {
  const known = usableHosts.get(records);
  if (known !== undefined) return known;
  const skipped: SkippedHost[] = [];
  const preferenceByName = new Map<string, number>();
  for (const { exchange, preference } of records) {
    // RFC 1035 §5.1: a backslash escapes an octet that no host name has.
    const name = exchange.includes('\\') ? undefined : normalizeDomain(exchange);
    const reason = exchangeRefusal(exchange, name);
    if (name === undefined || reason !== undefined) {
      const shown = escapeControls(exchange);
      skipped.push({ name: shown, preference, reason: reason ?? `${shown} is not a host name.` });
    } else preferenceByName.set(name, Math.min(preference, preferenceByName.get(name) ?? preference));
  }
  const hosts = [...preferenceByName].map(([name, preference]) => ({ name, preference }));
  const selected = { hosts, skipped };
  usableHosts.set(records, selected);
  return selected;
}

function exchangeRefusal(exchange: string, name: string | undefined): string | undefined {
  if (exchange === '.') return 'A null MX besides other MX records has no meaning.';
  if (name === undefined) return undefined;
  // RFC 5321 §5.1: an MX record has a host name, never an address.
  if (isIP(name)) return `${name} is an address, not a host name.`;
  if (name === 'localhost' || name.endsWith('.localhost')) return `${name} is a name of the local machine.`;
  if (!name.includes('.')) return `${name} is not a fully qualified name.`;
  return undefined;
}

/**
 * Returns hosts or records in the order in which they are tried: the lowest preference first, equal ones at random
 * (RFC 5321 §5.1). Order a route again for each message, so that equal hosts share the load.
 *
 * @param random  Returns numbers from 0 to 1, like `Math.random`.
 * @example
 * ```ts
 * byPreference([{ name: 'b.example.com', preference: 20 }, { name: 'a.example.com', preference: 10 }], Math.random);
 * ```
 */
export function byPreference<T extends { readonly preference: number }>(
  hosts: readonly T[],
  random: () => number,
): T[] {
  checkArgument(
    Array.isArray(hosts) && hosts.every((host) => hasFields(host, 'number', 'preference')),
    'byPreference: hosts',
    'an array of objects with a preference',
  );
  checkArgument(typeof random === 'function', 'byPreference: random', 'a function');
  const ordered = [...hosts];
  shuffle(ordered, random);
  return ordered.sort((a, b) => a.preference - b.preference);
}

/** Shuffles items in place (Fisher–Yates); a stable sort afterwards keeps equal ones in random order. */
export function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}
