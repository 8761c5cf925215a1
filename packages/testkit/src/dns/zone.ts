import { isIPv4, isIPv6 } from 'node:net';
import type { Answer } from 'dns-packet';
import { optionError } from '../errors.ts';
import { flag, group, integer, matching, type OptionTable, record, required, text } from '../option-table.ts';

/** The zones of a server by apex, such as `example.test`. */
export type DnsZones = Readonly<Record<string, DnsZone>>;

/** One zone. */
export interface DnsZone {
  /** Records by owner name. `@` is the apex; names that end in the apex are absolute, others are relative to it. */
  readonly records: Readonly<Record<string, DnsRecords>>;
  /** Whether answers have the AD flag if the client asks for it, as from a validating resolver; default false. */
  readonly authentic?: boolean | undefined;
  /** TTL of records without their own TTL; default 300. */
  readonly ttlSeconds?: number | undefined;
  /** TTL and minimum of the SOA record in negative answers (RFC 2308 §5); default 60. */
  readonly negativeTtlSeconds?: number | undefined;
}

/** The records of one name: for each type, one value or a list. */
export interface DnsRecords {
  readonly A?: OneOrMore<string>;
  readonly AAAA?: OneOrMore<string>;
  readonly CNAME?: string;
  /** `'10 mx.example.test'`, or `'0 .'` for null MX (RFC 7505). */
  readonly MX?: OneOrMore<string | { readonly preference: number; readonly exchange: string }>;
  readonly NS?: OneOrMore<string>;
  readonly PTR?: OneOrMore<string>;
  readonly SOA?: { readonly mname: string; readonly rname: string; readonly serial?: number };
  /** `'3 1 1 0f3c…'`: usage, selector, matching type, octets in hexadecimal digits. */
  readonly TLSA?: OneOrMore<string>;
  /** A string is one record, split into character-strings of 255 octets; an array in the list is one split already. */
  readonly TXT?: string | readonly (string | readonly string[])[];
  /** TTL of this name's records. */
  readonly ttlSeconds?: number | undefined;
}

type OneOrMore<Value> = Value | readonly Value[];

/** Record types that a zone supports. */
export type DnsRecordType = (typeof RECORD_TYPES)[number];

const RECORD_TYPES = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'TLSA', 'TXT'] as const;

const ttl = integer(0, 2 ** 31 - 1, { unit: 'seconds' });
const anything = (value: unknown) => value !== null;
const records = <Value>() => matching<Value>('records as text, or an array of them', anything);

/** The checks of `DnsRecords`; the texts are checked when they are compiled. */
const recordOptions = {
  A: records<NonNullable<DnsRecords['A']>>(),
  AAAA: records<NonNullable<DnsRecords['AAAA']>>(),
  CNAME: text(),
  MX: records<NonNullable<DnsRecords['MX']>>(),
  NS: records<NonNullable<DnsRecords['NS']>>(),
  PTR: records<NonNullable<DnsRecords['PTR']>>(),
  SOA: records<NonNullable<DnsRecords['SOA']>>(),
  TLSA: records<NonNullable<DnsRecords['TLSA']>>(),
  TXT: records<NonNullable<DnsRecords['TXT']>>(),
  ttlSeconds: ttl,
} satisfies OptionTable<DnsRecords>;

/** The checks of `DnsZone`. */
export const zoneOptions = {
  records: required(record<DnsRecords>(group<DnsRecords>(recordOptions))),
  authentic: flag(),
  ttlSeconds: ttl,
  negativeTtlSeconds: ttl,
} satisfies OptionTable<DnsZone>;

/** A record of a zone, ready to be sent; `name` is replaced by the name in the question. */
export type StoredRecord = Answer & { readonly ttl: number };

export interface CompiledZone {
  readonly apex: string;
  readonly authentic: boolean;
  readonly soa: StoredRecord;
  /** Records by absolute lower-case name and by type; an empty map is an empty non-terminal (RFC 8020 §2). */
  readonly names: ReadonlyMap<string, ReadonlyMap<string, readonly StoredRecord[]>>;
}

/** Compiles the zones; an apex with more labels comes first. */
export function compileZones(zones: DnsZones): CompiledZone[] {
  const compiled = Object.entries(zones).map(([apex, zone]) => compileZone(canonicalName(apex), zone));
  return compiled.sort((one, other) => labelCount(other.apex) - labelCount(one.apex));
}

/** Returns a name in lower case, without its final dot. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/**
 * Returns the name of the PTR record of an IP address (RFC 1035 §3.5, RFC 3596 §2.5).
 *
 * @throws {TestkitError} MB_TESTKIT_OPTION for anything but an IP address.
 */
export function reverseName(address: string): string {
  if (isIPv4(address)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  if (!isIPv6(address)) throw optionError(`"${address}" is not an IP address.`);
  const hexadecimal = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [front = '', back] = hexadecimal.split('::');
  const groups = front === '' ? [] : front.split(':');
  const after = back === undefined || back === '' ? [] : back.split(':');
  const zeros = Array<string>(8 - groups.length - after.length).fill('0');
  const digits = [...groups, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('');
  return `${[...digits].reverse().join('.')}.ip6.arpa`;
}

function compileZone(apex: string, zone: DnsZone): CompiledZone {
  const ttl = zone.ttlSeconds ?? 300;
  const negativeTtl = zone.negativeTtlSeconds ?? 60;
  const names = new Map<string, Map<string, StoredRecord[]>>();
  for (const [owner, records] of Object.entries(zone.records)) {
    const name = wholeName(owner, apex);
    const types = names.get(name) ?? new Map<string, StoredRecord[]>();
    for (const [type, value] of Object.entries(records)) {
      if (type === 'ttlSeconds' || value === undefined) continue;
      types.set(type, compileRecords(name, type, value, records.ttlSeconds ?? ttl));
    }
    names.set(name, types);
    addAncestors(names, name, apex);
  }
  const own = zone.records['@']?.SOA;
  const soa: StoredRecord = {
    type: 'SOA',
    name: apex,
    ttl: negativeTtl,
    data: {
      mname: own?.mname ?? `ns.${apex}`,
      rname: own?.rname ?? `hostmaster.${apex}`,
      serial: own?.serial ?? 1,
      refresh: 3600,
      retry: 600,
      expire: 86_400,
      minimum: negativeTtl,
    },
  };
  const atApex = names.get(apex) ?? new Map<string, StoredRecord[]>();
  atApex.set('SOA', [soa]);
  names.set(apex, atApex);
  return { apex, authentic: zone.authentic ?? false, soa, names };
}

/** Returns the absolute name for an owner name in the `records` of a zone. */
export function wholeName(owner: string, apex: string): string {
  const name = canonicalName(owner);
  if (name === '@' || name === apex) return apex;
  return apex === '' || name.endsWith(`.${apex}`) ? name : `${name}.${apex}`;
}

/** Adds the names between `name` and the apex, which exist even without records (RFC 8020 §2). */
function addAncestors(names: Map<string, Map<string, StoredRecord[]>>, name: string, apex: string): void {
  for (let up = parentOf(name); labelCount(up) > labelCount(apex); up = parentOf(up)) {
    if (!names.has(up)) names.set(up, new Map());
  }
}

export function parentOf(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1);
}

function labelCount(name: string): number {
  return name === '' ? 0 : name.split('.').length;
}

function compileRecords(name: string, type: string, value: unknown, ttl: number): StoredRecord[] {
  if (!RECORD_TYPES.includes(type as DnsRecordType)) {
    throw optionError(`${name} has records of type ${type}; a zone holds ${RECORD_TYPES.join(', ')}.`);
  }
  const values = Array.isArray(value) ? value : [value];
  return values.map((one) => ({ type, name, ttl, data: recordData(name, type, one) }) as StoredRecord);
}

function recordData(name: string, type: string, value: unknown): unknown {
  switch (type) {
    case 'A':
      if (typeof value === 'string' && isIPv4(value)) return value;
      throw optionError(`${name} A: "${value}" is not an IPv4 address.`);
    case 'AAAA':
      if (typeof value === 'string' && isIPv6(value)) return value;
      throw optionError(`${name} AAAA: "${value}" is not an IPv6 address.`);
    case 'MX':
      return typeof value === 'string' ? parseMx(name, value) : value;
    case 'TLSA':
      return parseTlsa(name, String(value));
    case 'TXT':
      return characterStrings(value as string | readonly string[]);
    default:
      return value;
  }
}

function parseMx(name: string, text: string): { preference: number; exchange: string } {
  const [, preference, exchange] = /^(\d+)\s+(\S+)$/.exec(text) ?? [];
  if (preference === undefined || exchange === undefined) {
    throw optionError(`${name} MX: "${text}" is not a preference and a host, such as "10 mx.example.test".`);
  }
  return { preference: Number(preference), exchange };
}

function parseTlsa(name: string, text: string): object {
  const [, usage, selector, matchingType, digits] =
    /^(\d+) (\d+) (\d+) ((?:[0-9a-f]{2})+)$/i.exec(text) ?? [];
  if (digits === undefined) {
    throw optionError(`${name} TLSA: "${text}" is not "usage selector matching-type hexadecimal-digits".`);
  }
  return {
    usage: Number(usage),
    selector: Number(selector),
    matchingType: Number(matchingType),
    certificate: Buffer.from(digits, 'hex'),
  };
}

/** RFC 1035 §3.3: a character-string holds at most 255 octets. */
function characterStrings(value: string | readonly string[]): Buffer[] {
  if (typeof value !== 'string') return value.map((text) => Buffer.from(text));
  const octets = Buffer.from(value);
  const strings: Buffer[] = [];
  for (let at = 0; at === 0 || at < octets.length; at += 255) strings.push(octets.subarray(at, at + 255));
  return strings;
}
