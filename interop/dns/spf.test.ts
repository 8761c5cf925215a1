import { checkHost, type SpfOutcome } from '@mb/dns';
import { createMemoryResolver, type MemoryZones } from '@mb/dns/memory';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { mustRun } from '../lab/process.ts';
import { makeSpfCases, type SpfCase } from './spf-cases.ts';
import { explainDisagreement, type Verdict } from './spf-disagreements.ts';

const count = Number(process.env.MB_SPF_CASES ?? 5_000);
const seed = Number(process.env.MB_SPF_SEED ?? 20_261_121);

const peers = [
  { name: 'pyspf', command: '/usr/bin/python3', script: 'spf-pyspf.py' },
  { name: 'Mail::SPF', command: '/usr/bin/perl', script: 'spf-mail-spf.pl' },
] as const;

describe('SPF beside other implementations', () => {
  let cases: SpfCase[];
  let ours: SpfOutcome[];

  beforeAll(async () => {
    await ensureDebianPackages(['python3-spf', 'libmail-spf-perl', 'libnet-dns-perl']);
    cases = makeSpfCases(count, seed);
    ours = await Promise.all(cases.map(checkOurs));
  });

  it('sees every result', () => {
    expect(new Set(ours.map(({ result }) => result))).toEqual(
      new Set(['none', 'neutral', 'pass', 'fail', 'softfail', 'temperror', 'permerror']),
    );
  });

  for (const peer of peers) {
    it(`SPF-01 SPF-02 SPF-03 agrees with ${peer.name}, or the difference is explained`, {
      timeout: 280_000,
    }, async () => {
      const input = cases.map((each) => JSON.stringify(each)).join('\n');
      const output = await mustRun(peer.command, [new URL(peer.script, import.meta.url).pathname], {
        input,
        timeoutMs: 270_000,
      });
      const theirs = output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Verdict);
      expect(theirs).toHaveLength(cases.length);
      const reasons = new Map<string, number>();
      const unexplained: unknown[] = [];
      for (const [index, outcome] of ours.entries()) {
        const verdict = theirs[index]!;
        if (verdict.result === outcome.result) continue;
        const reason = explainDisagreement(peer.name, cases[index]!, outcome, verdict);
        if (reason === undefined)
          unexplained.push({ index, case: cases[index], ours: outcome, theirs: verdict });
        else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
      console.log(`${peer.name}: ${cases.length} cases`, Object.fromEntries(reasons));
      expect(unexplained.slice(0, 3)).toEqual([]);
    });
  }
});

function checkOurs({ ip, sender, helo, zone }: SpfCase): Promise<SpfOutcome> {
  const zones: Record<string, MemoryZones[string]> = {};
  const failures: Record<string, 'servfail'> = {};
  for (const [name, { fail, ...records }] of Object.entries(zone)) {
    zones[name] = records;
    if (fail) failures[name] = 'servfail';
  }
  return checkHost({ ip, sender, helo }, createMemoryResolver(zones, { failures }));
}
