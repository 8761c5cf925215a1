import { type Answer, checkHost, type RecordType, type Resolver } from '@mb/dns';
import { spf as mailauthSpf } from 'mailauth/lib/spf/index.js';
import type { Contender, Field } from '../harness/row.ts';

/** A policy to evaluate: TXT records by name, and an address that must pass. */
export interface SpfCase {
  readonly ip: string;
  readonly records: ReadonlyMap<string, string>;
}

const SENDER = 'shop@example.com';
const HELO = 'out.example.com';

/** The address is in the sender's own record: one lookup, two terms. */
export function ownAddress(): SpfCase {
  return { ip: '192.0.2.17', records: new Map([['example.com', 'v=spf1 ip4:192.0.2.17 -all']]) };
}

/** The address is in the last of seven includes, as with domains that many services send for. */
export function lastInclude(): SpfCase {
  const names = Array.from({ length: 7 }, (_, i) => `_spf${i}.example.net`);
  const records = new Map([
    ['example.com', `v=spf1 ${names.map((name) => `include:${name}`).join(' ')} -all`],
  ]);
  for (const [i, name] of names.entries()) {
    const networks = Array.from({ length: 10 }, (_, n) => `ip4:10.${i}.${n * 16}.0/20`);
    if (i === names.length - 1) networks.push('ip4:198.51.100.0/24');
    records.set(name, `v=spf1 ${networks.join(' ')} ~all`);
  }
  return { ip: '198.51.100.7', records };
}

/** The address is the last of 41 in one record. */
export function longRecord(): SpfCase {
  const terms = Array.from({ length: 41 }, (_, i) => `ip4:203.0.113.${i}`);
  return { ip: '203.0.113.40', records: new Map([['example.com', `v=spf1 ${terms.join(' ')} -all`]]) };
}

/** Evaluates a policy with answers from memory; the limit asks for the same records and does nothing with them. */
export function spfField({ ip, records }: SpfCase): Field {
  const resolveTxt = async (name: string): Promise<string[][]> => {
    const record = records.get(name);
    if (record === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    return [[record]];
  };
  const resolver = memoryResolver(records);
  const contenders: Contender[] = [
    {
      name: '@mb/dns',
      role: 'ours',
      run: () => checkHost({ ip, sender: SENDER, helo: HELO }, resolver),
      check: (outcome) => checkResult((outcome as { result: string }).result),
    },
    {
      name: 'mailauth',
      role: 'peer',
      package: 'mailauth',
      run: () => mailauthSpf({ resolver: resolveTxt, ip, helo: HELO, sender: SENDER, mta: 'mx.example.org' }),
      check: (outcome) => checkResult((outcome as { status: { result: string } }).status.result),
    },
    {
      name: 'bare lookups',
      role: 'limit',
      run: async () => {
        let found = 0;
        for (const name of records.keys()) found += (await resolveTxt(name)).length;
        return found;
      },
      check: (found) => (found === records.size ? undefined : 'answers are missing'),
    },
  ];
  return { contenders };
}

/** The same map behind our interface: answers made beforehand, as a cache gives them. */
function memoryResolver(records: ReadonlyMap<string, string>): Resolver {
  const answers = new Map<string, Answer>();
  for (const [name, record] of records) {
    const base = { name, canonicalName: name, authentic: false, ttlSeconds: 300 };
    answers.set(name, { ...base, status: 'found', type: 'TXT', records: [[record]] } as unknown as Answer);
  }
  return {
    query: async <T extends RecordType>(name: string, type: T): Promise<Answer<T>> =>
      type === 'TXT'
        ? (answers.get(name) as Answer<T>)
        : { name, type, canonicalName: name, authentic: false, ttlSeconds: 0, status: 'nodata', records: [] },
  };
}

function checkResult(result: string): string | undefined {
  return result === 'pass' ? undefined : `the result is ${result}`;
}
