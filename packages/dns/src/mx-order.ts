import { isIP } from 'node:net';
import { checkArgument, hasFields } from './argument.ts';
import { normalizeDomain } from './domain.ts';
import type { SkippedHost } from './mail-host.ts';
import { escapeControls } from './printable.ts';
import type { MxRecord } from './record.ts';

/** An MX set in the order in which it is tried. */
export interface MxOrder {
  /** The set is one record with the root as its exchange. */
  readonly nullMx: boolean;
  readonly hosts: readonly { readonly name: string; readonly preference: number }[];
  readonly skipped: readonly SkippedHost[];
}

/**
 * Puts MX records in order: by preference, equal ones at random, each name once, unusable names and
 * those beyond `maxHosts` set aside.
 *
 * Unusable are address literals, single labels and `localhost`; underscores are let through, since
 * such hosts exist and answer.
 */
export function orderMx(records: readonly MxRecord[], random: () => number, maxHosts: number): MxOrder {
  // RFC 7505 §3: the root says "no mail" only when it is alone.
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

/** A cached answer keeps its record array, so its names are judged once. */
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
  if (exchange === '.') return 'A null MX among others says nothing.';
  if (name === undefined) return undefined;
  // RFC 5321 §5.1: the data of an MX record is a host name, never an address.
  if (isIP(name)) return `${name} is an address, not a host name.`;
  if (name === 'localhost' || name.endsWith('.localhost')) return `${name} is a name of the local machine.`;
  if (!name.includes('.')) return `${name} is not a fully qualified name.`;
  return undefined;
}

/**
 * A copy of hosts or records in the order in which they are tried: the lowest preference first, equal ones at random
 * (RFC 5321 §5.1). A route that serves many messages is put in order for each, so that equal hosts share the load.
 *
 * @param random  Gives numbers from 0 up to 1, as `Math.random` does.
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

/** Fisher–Yates; a stable sort after it leaves equal ones in random order. */
export function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}
