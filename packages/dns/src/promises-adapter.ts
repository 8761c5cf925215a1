import { isIP } from 'node:net';
import { readOptions } from './option-table.ts';
import { escapeControls, printable } from './printable.ts';
import type { MxRecord, RecordType, SoaRecord, SrvRecord } from './record.ts';
import { type Answer, checkResolver, type QueryOptions, queryOptions, type Resolver } from './resolver.ts';
import { reverseName } from './reverse.ts';

/** The functions of `node:dns/promises` that mail software uses. */
export interface PromisesAdapter {
  resolve4(name: string): Promise<string[]>;
  resolve6(name: string): Promise<string[]>;
  resolveCname(name: string): Promise<string[]>;
  resolveMx(name: string): Promise<{ priority: number; exchange: string }[]>;
  resolveNs(name: string): Promise<string[]>;
  resolvePtr(name: string): Promise<string[]>;
  resolveSoa(name: string): Promise<NodeSoa>;
  resolveSrv(name: string): Promise<{ priority: number; weight: number; port: number; name: string }[]>;
  resolveTlsa(
    name: string,
  ): Promise<{ certUsage: number; selector: number; match: number; data: ArrayBuffer }[]>;
  resolveTxt(name: string): Promise<string[][]>;
  /** `rrtype` is one of the types above; default `A`. */
  resolve(name: string, rrtype?: string): Promise<unknown>;
  /** Names of an address (PTR). */
  reverse(address: string): Promise<string[]>;
}

/** An SOA record in the form of `node:dns`. */
export interface NodeSoa {
  nsname: string;
  hostmaster: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minttl: number;
}

/** An error in the form of `node:dns/promises`, with `code`, `syscall` and `hostname`. */
export type NodeDnsError = Error & { code: string; errno: string; syscall: string; hostname: string };

/**
 * Makes an object with the functions of `node:dns/promises`, for code that expects that module.
 *
 * Failures reject with the same codes: ENOTFOUND (no such name), ENODATA (no such records), ESERVFAIL (a server or DNSSEC
 * validation failed), ECONNREFUSED (no server can be reached), EBADRESP (malformed answer), ETIMEOUT or EBADNAME. The
 * methods do not use `this`.
 *
 * @example
 * import { verifyMessage } from '@mb/dkim';
 * const { resolveTxt } = toNodeDns(createResolver());
 * await verifyMessage(message, { resolveTxt });
 */
export function toNodeDns(resolver: Resolver, given: QueryOptions = {}): PromisesAdapter {
  const options = readOptions(given, queryOptions, 'toNodeDns: options');
  checkResolver(resolver, 'toNodeDns');
  const records = async <T extends RecordType>(name: string, type: T, syscall: string) => {
    let answer: Answer<T>;
    try {
      answer = await resolver.query(name, type, options);
    } catch (error) {
      if ((error as { code?: string }).code === 'MB_DNS_NAME_INVALID')
        throw nodeError('EBADNAME', syscall, name);
      throw error;
    }
    if (answer.status !== 'found') throw nodeError(nodeCode(answer), syscall, name);
    return answer.records;
  };
  const adapter: PromisesAdapter = {
    resolve4: async (name) => [...(await records(name, 'A', 'queryA'))],
    resolve6: async (name) => [...(await records(name, 'AAAA', 'queryAaaa'))],
    resolveCname: async (name) => [...(await records(name, 'CNAME', 'queryCname'))],
    resolveMx: async (name) => (await records(name, 'MX', 'queryMx')).map(toNodeMx),
    resolveNs: async (name) => [...(await records(name, 'NS', 'queryNs'))],
    resolvePtr: async (name) => [...(await records(name, 'PTR', 'queryPtr'))],
    resolveSoa: async (name) => toNodeSoa((await records(name, 'SOA', 'querySoa'))[0]!),
    resolveSrv: async (name) => (await records(name, 'SRV', 'querySrv')).map(toNodeSrv),
    resolveTlsa: async (name) =>
      (await records(name, 'TLSA', 'queryTlsa')).map(({ usage, selector, matchingType, data }) => ({
        certUsage: usage,
        selector,
        match: matchingType,
        data: new Uint8Array(data).buffer,
      })),
    resolveTxt: async (name) => (await records(name, 'TXT', 'queryTxt')).map((segments) => [...segments]),
    resolve: async (name, rrtype = 'A') => {
      const method = methodNames[rrtype];
      if (method === undefined)
        throw new TypeError(`"${rrtype}" is not a record type that this adapter knows.`);
      return adapter[method](name);
    },
    reverse: async (address) => {
      if (!isIP(address)) throw nodeError('EINVAL', 'getHostByAddr', address);
      return [...(await records(reverseName(address), 'PTR', 'getHostByAddr'))];
    },
  };
  return adapter;
}

const methodNames: Readonly<
  Record<string, Exclude<keyof PromisesAdapter, 'resolve' | 'reverse'> | undefined>
> = {
  A: 'resolve4',
  AAAA: 'resolve6',
  CNAME: 'resolveCname',
  MX: 'resolveMx',
  NS: 'resolveNs',
  PTR: 'resolvePtr',
  SOA: 'resolveSoa',
  SRV: 'resolveSrv',
  TLSA: 'resolveTlsa',
  TXT: 'resolveTxt',
};

function toNodeMx({ preference, exchange }: MxRecord) {
  return { priority: preference, exchange: exchange === '.' ? '' : exchange };
}

function toNodeSrv({ priority, weight, port, target }: SrvRecord) {
  return { priority, weight, port, name: target };
}

function toNodeSoa(soa: SoaRecord): NodeSoa {
  const { mname, rname, serial, refresh, retry, expire, minimum } = soa;
  return { nsname: mname, hostmaster: rname, serial, refresh, retry, expire, minttl: minimum };
}

function nodeCode(answer: Exclude<Answer, { status: 'found' }>): string {
  switch (answer.status) {
    case 'nxdomain':
      return 'ENOTFOUND';
    case 'nodata':
      return 'ENODATA';
    case 'timeout':
      return 'ETIMEOUT';
    case 'bogus':
      return 'ESERVFAIL';
    case 'servfail':
      if (answer.cause === 'network') return 'ECONNREFUSED';
      return answer.cause === 'malformed' ? 'EBADRESP' : 'ESERVFAIL';
  }
}

function nodeError(code: string, syscall: string, hostname: string): NodeDnsError {
  const error = new Error(
    `${syscall} ${code} ${typeof hostname === 'string' ? escapeControls(hostname) : printable(hostname)}`,
  );
  return Object.assign(error, { code, errno: code, syscall, hostname });
}
