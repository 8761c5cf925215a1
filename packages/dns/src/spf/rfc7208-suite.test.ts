import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMemoryResolver, type MemoryRecords } from '../memory.ts';
import { checkHost } from './check-host.ts';

/** One scenario of the published suite; see test/vectors/SOURCES.md. */
interface Scenario {
  readonly description: string;
  readonly tests: Readonly<Record<string, SuiteTest>>;
  readonly zonedata: Readonly<Record<string, readonly ZoneItem[]>>;
}

interface SuiteTest {
  readonly helo: string;
  readonly host: string;
  readonly mailfrom: string;
  readonly result: string | readonly string[];
  readonly explanation?: string;
}

type ZoneItem = 'TIMEOUT' | Readonly<Record<string, unknown>>;

const vectors = new URL('../../test/vectors/rfc7208-spf.json', import.meta.url);
const suite = JSON.parse(readFileSync(vectors, 'utf8')) as Scenario[];

/** By the suite's rules, SPF entries stand for TXT where a name has no TXT of its own. */
function toZone(zonedata: Scenario['zonedata']) {
  const zones: Record<string, MemoryRecords> = {};
  const failures: Record<string, 'timeout'> = {};
  for (const [name, items] of Object.entries(zonedata)) {
    const records: Record<string, unknown[]> = {};
    for (const item of items) {
      if (item === 'TIMEOUT') continue;
      for (const [type, value] of Object.entries(item)) {
        records[type] ??= [];
        if (value !== 'NONE') records[type].push(value);
      }
    }
    const { SPF, ...others } = records;
    if (others.TXT === undefined && SPF !== undefined) others.TXT = SPF;
    for (const type of ['A', 'AAAA', 'MX', 'PTR', 'TXT']) {
      if (items.includes('TIMEOUT') && others[type] === undefined) failures[`${type} ${name}`] = 'timeout';
    }
    if (items.includes('TIMEOUT') && others.TXT?.length === 0) failures[`TXT ${name}`] = 'timeout';
    zones[name] = { ...others, ...(others.CNAME && { CNAME: String(others.CNAME[0]) }) } as MemoryRecords;
  }
  return createMemoryResolver(zones, { failures });
}

for (const scenario of suite) {
  describe(scenario.description, () => {
    const resolver = toZone(scenario.zonedata);
    for (const [name, test] of Object.entries(scenario.tests)) {
      it(`SPF-01 SPF-03 gives the published result of ${name}`, async () => {
        const { helo, host, mailfrom, result, explanation } = test;
        const outcome = await checkHost({ ip: host, sender: mailfrom, helo }, resolver);
        expect([result].flat(), outcome.reason).toContain(outcome.result);
        if (explanation !== undefined) expect(outcome.explanation ?? 'DEFAULT').toBe(explanation);
      });
    }
  });
}
