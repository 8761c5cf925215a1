/**
 * A DNS in memory, for tests of code that takes a `Resolver`.
 *
 * @packageDocumentation
 */

import { aliasLoop, failedAnswer } from './answer.ts';
import { checkArgument, checkRecordType, hasFields } from './argument.ts';
import { normalizeName } from './domain.ts';
import { abortError, DnsError } from './errors.ts';
import {
  either,
  flag,
  integer,
  list,
  type OptionsRead,
  type OptionTable,
  readOptions,
  record,
  text,
  word,
} from './option-table.ts';
import { printable } from './printable.ts';
import type { MxRecord, RecordData, RecordType, SoaRecord, SrvRecord, TlsaRecord } from './record.ts';
import {
  type Answer,
  type FailedAnswer,
  type QueryOptions,
  queryOptions,
  type Resolver,
} from './resolver.ts';

/** The records of a name. An empty object is a name that exists without records. */
export interface MemoryRecords {
  readonly A?: string | readonly string[];
  readonly AAAA?: string | readonly string[];
  readonly CNAME?: string;
  /** `[10, 'mx1.example.test']` or `{ preference, exchange }`. */
  readonly MX?: readonly (MxRecord | readonly [preference: number, exchange: string])[];
  readonly NS?: string | readonly string[];
  readonly PTR?: string | readonly string[];
  readonly SOA?: SoaRecord;
  readonly SRV?: readonly SrvRecord[];
  readonly TLSA?: readonly TlsaRecord[];
  /** Each element is a record: a string, or its character-strings. Each character is one octet. */
  readonly TXT?: string | readonly (string | readonly string[])[];
}

/** Records by name; `*.example.test` is a wildcard (RFC 4592). */
export type MemoryZones = Readonly<Record<string, MemoryRecords>>;

/** Options of `createMemoryResolver`. */
export interface MemoryResolverOptions {
  /**
   * Lookups that fail, by `name` (every type) or `TYPE name`:
   * `{ 'TLSA _25._tcp.mx.example.test': 'servfail', 'dead.test': 'timeout' }`.
   */
  readonly failures?: Readonly<Record<string, MemoryFailure>> | undefined;
  /** Domains whose answers, including those of subdomains, are authentic; true for all. Default false. */
  readonly authentic?: boolean | readonly string[] | undefined;
  /** TTL of every answer, seconds. Default 300. */
  readonly ttlSeconds?: number | undefined;
}

/** How a lookup fails; `unreachable` is a local failure: no server can be reached. */
export type MemoryFailure = FailedAnswer['status'] | 'unreachable';

/** What {@link MemoryResolverOptions} accepts. */
export const memoryResolverOptions = {
  failures: record(word(['servfail', 'bogus', 'timeout', 'unreachable'])),
  authentic: either(flag(), list(text('a domain'))),
  ttlSeconds: integer(0, 2 ** 31 - 1, { default: 300, unit: 'seconds' }),
} satisfies OptionTable<MemoryResolverOptions>;

/** A resolver that answers from memory and records the questions. */
export interface MemoryResolver extends Resolver {
  /** Every question so far, in order. */
  readonly calls: readonly { readonly name: string; readonly type: RecordType }[];
  /** Replaces the records of a name; undefined removes the name. */
  set(name: string, records: MemoryRecords | undefined): void;
  /** Makes lookups fail, or succeed again with undefined; the key is as in `failures`. */
  fail(key: string, status: MemoryFailure | undefined): void;
}

const maxAliases = 16;

/**
 * Makes a resolver on zones in memory. A name that is listed, or has a listed name below it, gives NODATA for other types;
 * any other name gives NXDOMAIN. It follows aliases and does no I/O.
 *
 * @throws {DnsError} MB_DNS_OPTION, MB_DNS_NAME_INVALID for an invalid name.
 * @example
 * const resolver = createMemoryResolver(
 *   { 'example.test': { MX: [[10, 'mx.example.test']] }, 'mx.example.test': { A: '192.0.2.1' } },
 *   { authentic: ['example.test'] },
 * );
 */
export function createMemoryResolver(
  zones: MemoryZones,
  options: MemoryResolverOptions = {},
): MemoryResolver {
  checkArgument(
    hasFields(zones, 'object'),
    'createMemoryResolver: zones',
    'an object with a key for each name',
  );
  return new ZoneResolver(
    zones,
    readOptions(options, memoryResolverOptions, 'createMemoryResolver: options'),
  );
}

class ZoneResolver implements MemoryResolver {
  readonly calls: { name: string; type: RecordType }[] = [];
  readonly #records = new Map<string, MemoryRecords>();
  readonly #failures = new Map<string, MemoryFailure>();
  readonly #authentic: boolean | readonly string[];
  readonly #ttlSeconds: number;

  constructor(zones: MemoryZones, options: OptionsRead<MemoryResolverOptions, typeof memoryResolverOptions>) {
    for (const [name, records] of Object.entries(zones)) this.set(name, records);
    for (const [key, status] of Object.entries(options.failures ?? {})) this.fail(key, status);
    const authentic = options.authentic ?? false;
    this.#authentic = typeof authentic === 'boolean' ? authentic : authentic.map(requireDomain);
    this.#ttlSeconds = options.ttlSeconds;
  }

  set(name: string, records: MemoryRecords | undefined): void {
    checkArgument(
      records === undefined || hasFields(records, 'object'),
      `createMemoryResolver: records of ${printable(name)}`,
      'an object with a key for each type',
    );
    if (records === undefined) this.#records.delete(requireDomain(name));
    else this.#records.set(requireDomain(name), records);
  }

  fail(key: string, status: MemoryFailure | undefined): void {
    const [, type, name = ''] = /^(?:([A-Z]+) )?(.*)$/.exec(key) ?? [];
    const normal = type === undefined ? requireDomain(name) : `${type} ${requireDomain(name)}`;
    if (status === undefined) this.#failures.delete(normal);
    else this.#failures.set(normal, status);
  }

  async query<T extends RecordType>(name: string, type: T, options?: QueryOptions): Promise<Answer<T>> {
    const { signal } = readOptions(options, queryOptions, 'query: options');
    checkRecordType(type);
    if (signal?.aborted) throw abortError(signal);
    const normal = requireDomain(name);
    this.calls.push({ name: normal, type });
    return this.#answer(normal, type);
  }

  #answer<T extends RecordType>(name: string, type: T): Answer<T> {
    let current = name;
    let authentic = true;
    const ttlSeconds = this.#ttlSeconds;
    for (let aliases = 0; aliases <= maxAliases; aliases++) {
      const failure = this.#failures.get(`${type} ${current}`) ?? this.#failures.get(current);
      if (failure !== undefined) return failedAnswer(name, type, describeFailure(failure, current, type));
      authentic &&= this.#isAuthentic(current);
      const records = this.#find(current);
      const base = { name, type, canonicalName: current, authentic, ttlSeconds };
      if (records === undefined) return { status: 'nxdomain', ...base, records: [] };
      const data = readRecords(records, type);
      if (data.length > 0) return { status: 'found', ...base, records: data };
      if (records.CNAME === undefined || type === 'CNAME') return { status: 'nodata', ...base, records: [] };
      current = requireDomain(records.CNAME);
    }
    return aliasLoop(name, type);
  }

  #find(name: string): MemoryRecords | undefined {
    const own = this.#records.get(name);
    if (own !== undefined) return own;
    if (this.#hasBelow(name)) return {};
    // RFC 4592 §3.3.1: only the wildcard of the closest encloser counts.
    for (let parent = parentOf(name); parent !== undefined; parent = parentOf(parent)) {
      const wildcard = this.#records.get(`*.${parent}`);
      if (wildcard !== undefined) return wildcard;
      if (this.#records.has(parent) || this.#hasBelow(parent)) return undefined;
    }
    return undefined;
  }

  #hasBelow(name: string): boolean {
    const suffix = `.${name}`;
    for (const key of this.#records.keys()) if (key.endsWith(suffix)) return true;
    return false;
  }

  #isAuthentic(name: string): boolean {
    if (typeof this.#authentic === 'boolean') return this.#authentic;
    return this.#authentic.some((domain) => name === domain || name.endsWith(`.${domain}`));
  }
}

function parentOf(name: string): string | undefined {
  const dot = name.indexOf('.');
  return dot < 0 ? undefined : name.slice(dot + 1);
}

function requireDomain(name: string): string {
  const normal = normalizeName(name);
  if (normal === undefined)
    throw new DnsError('MB_DNS_NAME_INVALID', `${printable(name)} is not a domain name.`);
  return normal;
}

function describeFailure(failure: MemoryFailure, name: string, type: RecordType) {
  const reason = `${name} ${type} at memory: ${failure}.`;
  if (failure === 'unreachable')
    return { status: 'servfail', cause: 'network', scope: 'local', reason } as const;
  const causes = { servfail: 'response-code', bogus: 'validation', timeout: 'deadline' } as const;
  return { status: failure, cause: causes[failure], scope: 'domain', reason } as const;
}

function readRecords<T extends RecordType>(records: MemoryRecords, type: T): readonly RecordData[T][] {
  const value = records[type];
  if (value === undefined) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => toRecord(type, item) as RecordData[T]);
}

function toRecord(type: RecordType, item: unknown): unknown {
  if (type === 'TXT' && typeof item === 'string') return [item];
  if (type === 'MX' && Array.isArray(item)) return { preference: item[0], exchange: item[1] };
  return item;
}
