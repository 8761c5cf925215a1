import { describe, expect, it } from 'vitest';
import { normalizeDomain } from './domain.ts';

describe('normalizeDomain', () => {
  it('has one form for every way to write a name', () => {
    for (const [text, name] of [
      ['Example.ORG.', 'example.org'],
      ['BÜCHER.example', 'xn--bcher-kva.example'],
      ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
      ['例え。テスト', 'xn--r8jz45g.xn--zckzah'],
      ['_dmarc.a-b.test', '_dmarc.a-b.test'],
      ['.', '.'],
    ] as const) {
      expect(normalizeDomain(text)).toBe(name);
    }
  });

  it('refuses what is no domain', () => {
    for (const text of [
      '',
      '..',
      '.a',
      'a..b',
      'a b.test',
      'a\tb',
      'a\n',
      'x'.repeat(64),
      `${'a.'.repeat(127)}b`,
      '\u0000',
      'a\u200b'.repeat(600),
    ]) {
      expect(normalizeDomain(text), JSON.stringify(text)).toBeUndefined();
    }
  });
});
