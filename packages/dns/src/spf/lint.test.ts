import { describe, expect, it } from 'vitest';
import { createMemoryResolver, type MemoryZones } from '../memory.ts';
import { explainSpf, formatSpfTree } from './explain.ts';
import { lintSpf } from './lint.ts';

const explain = (zones: MemoryZones, failures = {}) =>
  explainSpf('a.test', createMemoryResolver(zones, { failures }));
const codes = async (zones: MemoryZones, failures = {}) =>
  lintSpf(await explain(zones, failures)).map(({ code }) => code);
const record = (TXT: string | string[], more: MemoryZones = {}): MemoryZones => ({
  'a.test': { TXT },
  ...more,
});

describe('explainSpf', () => {
  it('SPF-05 SPF-15 shows the tree of includes with the lookups that each costs', async () => {
    const tree = await explain({
      'a.test': {
        TXT: 'v=spf1 mx include:b.test include:c.test exists:%{i}.x.test ip4:192.0.2.1 -all',
        MX: [[1, 'm.test']],
      },
      'b.test': { TXT: 'v=spf1 a include:d.test ~all', A: '192.0.2.2' },
      'c.test': { TXT: 'v=spf1 redirect=d.test' },
      'd.test': { TXT: 'v=spf1 ip4:192.0.2.3' },
    });
    expect(tree.lookups).toBe(7);
    expect(formatSpfTree(tree)).toBe(
      [
        'a.test: 7 lookups',
        '  mx  [1]',
        '  include:b.test  [3]',
        '    b.test: 2 lookups',
        '      a  [1]',
        '      include:d.test  [1]',
        '        d.test: 0 lookups',
        '          ip4:192.0.2.3',
        '      ~all',
        '  include:c.test  [2]',
        '    c.test: 1 lookup',
        '      redirect=d.test  [1]',
        '        d.test: 0 lookups',
        '          ip4:192.0.2.3',
        '  exists:%{i}.x.test  [1]  – The name depends on the sender.',
        '  ip4:192.0.2.1',
        '  -all',
      ].join('\n'),
    );
  });

  it('SAFE-25 keeps what a record says on its own line', async () => {
    const tree = await explain(record('v=spf1 x\nok  dkim  all is well\u009b31m -all'));
    expect(formatSpfTree(tree)).not.toMatch(/\u009b|^ok/m);
    expect(formatSpfTree(tree).split('\n')).toHaveLength(1);
  });

  it('ends on circles and on trees without end', async () => {
    const circle = await explain(
      record('v=spf1 include:b.test -all', { 'b.test': { TXT: 'v=spf1 include:a.test' } }),
    );
    expect(formatSpfTree(circle)).toContain('a.test includes itself.');
    const zones: Record<string, MemoryZones[string]> = {
      'a.test': { TXT: 'v=spf1 include:n0.test include:m0.test' },
    };
    for (let i = 0; i < 40; i++) {
      for (const side of ['n', 'm'])
        zones[`${side}${i}.test`] = { TXT: `v=spf1 include:n${i + 1}.test include:m${i + 1}.test` };
    }
    const resolver = createMemoryResolver(zones);
    await explainSpf('a.test', resolver);
    expect(resolver.calls.length).toBeLessThanOrEqual(50);
  });
});

describe('lintSpf', () => {
  it('SPF-02 finds too many lookups and too many void ones', async () => {
    const many = `v=spf1 ${Array.from({ length: 11 }, (_, i) => `a:h${i}.test`).join(' ')} -all`;
    const hosts = Object.fromEntries(
      Array.from({ length: 11 }, (_, i) => [`h${i}.test`, { A: '192.0.2.1' }]),
    );
    expect(await codes(record(many, hosts))).toEqual(['too-many-lookups']);
    expect(await codes(record(many.replace('a:h10.test ', '').replace('a:h9.test ', ''), hosts))).toEqual([
      'many-lookups',
    ]);
    expect(await codes(record('v=spf1 a:x.test mx:y.test exists:z.test -all'))).toEqual([
      'too-many-void-lookups',
      'void-lookup',
      'void-lookup',
      'void-lookup',
    ]);
  });

  it('finds records that are missing, doubled, broken or unreadable', async () => {
    expect(await codes({})).toEqual(['broken-record']);
    expect(await codes({ 'a.test': { A: '192.0.2.1' } })).toEqual(['no-record']);
    expect(await codes(record(['v=spf1 -all', 'v=spf1 ~all']))).toEqual(['broken-record']);
    expect(await codes(record('v=spf1 ipv4:192.0.2.1 -all'))).toEqual(['broken-record']);
    expect(await codes({}, { 'a.test': 'timeout' })).toEqual(['dns-failure']);
    expect(
      await codes(record('v=spf1 include:b.test include:c.test -all', { 'b.test': {} }), {
        'c.test': 'servfail',
      }),
    ).toEqual(['broken-include', 'dns-failure']);
  });

  it('finds terms that let every host pass or are never reached', async () => {
    expect(await codes(record('v=spf1 +all'))).toEqual(['pass-all']);
    expect(await codes(record('v=spf1 all'))).toEqual(['pass-all']);
    expect(await codes(record('v=spf1 include:b.test -all', { 'b.test': { TXT: 'v=spf1 +all' } }))).toEqual([
      'pass-all',
    ]);
    expect(await codes(record('v=spf1 ip4:0.0.0.0/0 -all'))).toEqual(['wide-network']);
    expect(await codes(record('v=spf1 ?all'))).toEqual(['neutral-all']);
    expect(await codes(record('v=spf1 ip4:192.0.2.1'))).toEqual(['no-all']);
    expect(await codes(record('v=spf1 -all ip4:192.0.2.1 redirect=b.test'))).toEqual([
      'unreachable-term',
      'unused-redirect',
    ]);
  });

  it('finds what is superfluous', async () => {
    expect(await codes(record('v=spf1 ip4:192.0.2.1 +ip4:192.0.2.1 -all'))).toEqual([
      'repeated-term',
      'covered-network',
    ]);
    expect(
      await codes(
        record('v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.128/25 ip6:2001:db8::/32 ip6:2001:db8:1::/48 -all'),
      ),
    ).toEqual(['covered-network', 'covered-network']);
    expect(await codes(record('v=spf1 ptr -all'))).toEqual(['ptr']);
    const long = `v=spf1 ${Array.from({ length: 40 }, (_, i) => `ip4:192.0.2.${i}`).join(' ')} -all`;
    expect(await codes(record(long))).toEqual(['long-record']);
    expect(await codes(record('v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all'))).toEqual([]);
  });

  it('gives every finding a sentence and a fix', async () => {
    for (const finding of lintSpf(await explain(record('v=spf1 ptr ?all a a:x.test redirect=b.test')))) {
      expect(finding.message).toMatch(/[.;]$/);
      expect(finding.fix).toMatch(/\.$/);
      expect(finding.domain).toBe('a.test');
    }
  });
});
