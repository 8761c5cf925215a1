import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryResolver } from '../memory.ts';
import { checkHost } from './check-host.ts';
import { parseSpfRecord } from './record.ts';

const piece = fc.constantFrom(
  ...[
    'a',
    'mx',
    'ip4:',
    'ip6:',
    'include:',
    'exists:',
    'redirect=',
    'exp=',
    'ptr',
    'all',
    '%',
    '{',
    '}',
    '%{d}',
    '%{ir}',
    '/',
    '//',
    '24',
    ':',
    '.',
    '-',
    '~',
    '?',
    '+',
    ' ',
    'a.test',
    '192.0.2.1',
    '2001:db8::',
    '=',
    '_',
    'x',
  ],
);

describe('parseSpfRecord', () => {
  it('SPF-01 never throws, and what it accepts can be evaluated', async () => {
    const resolver = createMemoryResolver({ 'a.test': { A: '192.0.2.1' } });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        const text = `v=spf1 ${pieces.join('')}`;
        const parsed = parseSpfRecord(text);
        resolver.set('s.test', { TXT: text });
        const outcome = await checkHost({ ip: '192.0.2.1', sender: 'l@s.test', helo: 'h.test' }, resolver);
        if (!parsed.ok) {
          expect(parsed.problems.length).toBeGreaterThan(0);
          expect(outcome.result).toBe('permerror');
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('takes time in proportion to a hostile record', { retry: 2 }, () => {
    const hostile = (size: number) => [
      `v=spf1 a:.${'a'.repeat(size)}!`,
      `v=spf1 a:${'%{'.repeat(size / 2)}`,
      `v=spf1 a:x.test${'/1'.repeat(size / 2)}x`,
      `v=spf1 a:x.test/${'1'.repeat(size)}x`,
      `v=spf1 exists:${'.a'.repeat(size / 2)}-`,
      `v=spf1 ${'m='.repeat(size / 2)}`,
      `v=spf1 ${'a'.repeat(size)}/`,
    ];
    // Processor time, not the clock's: other programs may be busy.
    const spend = (size: number) => {
      const texts = hostile(size);
      const start = process.cpuUsage();
      for (const text of texts) parseSpfRecord(text);
      const { user, system } = process.cpuUsage(start);
      return user + system;
    };
    const least = (size: number) => Math.min(...Array.from({ length: 7 }, () => spend(size)));
    least(400_000);
    // Eight times the octets: linear work grows with exponent 1, quadratic with 2.
    expect(Math.log(least(400_000) / least(50_000)) / Math.log(8)).toBeLessThan(1.7);
  });
});
