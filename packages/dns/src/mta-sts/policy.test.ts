import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyMtaSts, type MtaStsPolicy, matchesMtaSts, parseMtaStsPolicy } from './policy.ts';

const policyOf = (mode: MtaStsPolicy['mode'], mx: string[]): MtaStsPolicy => ({
  mode,
  mx,
  maxAgeSeconds: 86_400,
});

describe('parseMtaStsPolicy', () => {
  it('STS-08 reads lines that end in CRLF or LF', () => {
    const lines = [
      'version: STSv1',
      'mode: enforce',
      'mx: MX.example.test.',
      'mx:*.Example.net',
      'x-note: hello',
      'max_age: 604800',
      'mode: none',
    ];
    const policy = { mode: 'enforce', mx: ['mx.example.test', '*.example.net'], maxAgeSeconds: 604_800 };
    for (const end of ['\r\n', '\n']) {
      expect(parseMtaStsPolicy(lines.join(end))).toEqual({ ok: true, policy, problems: [] });
      expect(parseMtaStsPolicy(lines.join(end) + end)).toMatchObject({ ok: true });
    }
  });

  it('STS-09 takes at most a year, and refuses what is incomplete', () => {
    const text = (mode: string, age: string, mx = 'mx: a.test') =>
      `version: STSv1\nmode: ${mode}\n${mx}\nmax_age: ${age}\n`;
    expect(parseMtaStsPolicy(text('testing', '31557601'))).toMatchObject({
      ok: true,
      policy: { maxAgeSeconds: 31_557_600 },
      problems: [expect.any(String)],
    });
    expect(parseMtaStsPolicy(text('none', '0', ''))).toMatchObject({
      ok: true,
      policy: { mode: 'none', mx: [] },
    });
    for (const broken of [
      '',
      '<html>',
      text('on', '1'),
      text('enforce', '-1'),
      text('enforce', '1e3'),
      text('enforce', '12345678901'),
      text('enforce', '1', ''),
      text('enforce', '1', 'mx: *.*.test'),
      text('enforce', '1', 'mx: a..b'),
      text('enforce', '1').replace('STSv1', 'STSv2'),
    ]) {
      expect(parseMtaStsPolicy(broken), broken).toMatchObject({ ok: false });
    }
  });

  it('STS-16 throws on no text', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseMtaStsPolicy(text)));
  });
});

describe('matchesMtaSts', () => {
  it('STS-02 lets a wildcard stand for exactly one label', () => {
    const policy = policyOf('enforce', ['mx.example.test', '*.mail.test']);
    for (const [host, matches] of [
      ['MX.example.test.', true],
      ['a.mail.test', true],
      ['mail.test', false],
      ['a.b.mail.test', false],
      ['amail.test', false],
      ['xmx.example.test', false],
      ['*.mail.test', true],
      ['test', false],
    ] as const) {
      expect(matchesMtaSts(policy, host), host).toBe(matches);
    }
  });

  it('STS-10 STS-17 skips hosts outside the policy in enforce, and never blocks in testing', () => {
    const hosts = [{ name: 'mx.example.test' }, { name: 'mx.other.test' }];
    expect(applyMtaSts(policyOf('enforce', ['mx.example.test']), hosts)).toEqual({
      hosts: [hosts[0]],
      mismatched: [hosts[1]],
      requireValidTls: true,
    });
    expect(applyMtaSts(policyOf('testing', ['mx.example.test']), hosts)).toEqual({
      hosts,
      mismatched: [hosts[1]],
      requireValidTls: false,
    });
    expect(applyMtaSts(policyOf('none', []), hosts)).toEqual({
      hosts,
      mismatched: [],
      requireValidTls: false,
    });
  });
});
