import { describe, expect, it } from 'vitest';
import { compileReplyRules, type ReplyRule } from './reply-rule.ts';
import { defaultReplyRules } from './reply-rules.ts';

const last: ReplyRule = { id: 'last', category: 'unknown-reason', scope: 'recipient', action: 'fail' };
const hostile: ReplyRule = { ...last, id: 'hostile', text: 'a*a*a*a*a*a*a*a*a*a*b' };
const rules = compileReplyRules([
  hostile,
  ...defaultReplyRules.map((rule) => ({ ...rule, id: `x-${rule.id}` })),
  last,
]);

/** Fastest of several runs, in milliseconds. */
function timeOf(lines: readonly string[]): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5; run++) {
    const start = performance.now();
    rules.match({ code: 550, lines }, { stage: 'rcpt' });
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

describe('RPL-06 a reply is matched in linear time', () => {
  it.each([
    ['one long line', (n: number) => ['a '.repeat(n / 2)]],
    ['one long word', (n: number) => ['a'.repeat(n)]],
    ['many lines', (n: number) => Array.from({ length: n / 10 }, () => '5.1.1 aaaa')],
    ['an address without end', (n: number) => [`@${'.>'.repeat(n / 2)}`]],
    ['signs of addresses', (n: number) => ['@'.repeat(n)]],
  ])('%s', (_name, make) => {
    const [small, large] = [make(100_000), make(400_000)];
    timeOf(small);
    // Four times the input may take four times as long, and noise as much again.
    expect(timeOf(large)).toBeLessThan(Math.max(timeOf(small), 0.5) * 8);
  });
});
