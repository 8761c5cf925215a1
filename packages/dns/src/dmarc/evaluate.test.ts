import { describe, expect, it } from 'vitest';
import { createMemoryResolver } from '../memory.ts';
import { type DmarcRequest, evaluateDmarc } from './evaluate.ts';

function evaluate(request: DmarcRequest, records: Record<string, string>, failures = {}) {
  const zones = Object.fromEntries(
    Object.entries(records).map(([domain, TXT]) => [`_dmarc.${domain}`, { TXT }]),
  );
  return evaluateDmarc(request, createMemoryResolver(zones, { failures }));
}

const pass = (domain: string) => ({ result: 'pass', domain });
const relaxed = { 'example.com': 'v=DMARC1; p=reject' };
const strict = { 'example.com': 'v=DMARC1; p=reject; adkim=s; aspf=s' };

describe('evaluateDmarc', () => {
  it('DMARC-02 aligns SPF and DKIM relaxed by organisation and strict by name', async () => {
    for (const [author, other, loose, tight] of [
      ['example.com', 'example.com', 'pass', 'pass'],
      ['example.com', 'bounce.Example.com.', 'pass', 'fail'],
      ['news.example.com', 'example.com', 'pass', 'fail'],
      ['news.example.com', 'bounce.example.com', 'pass', 'fail'],
      ['example.com', 'example.net', 'fail', 'fail'],
      ['example.com', 'notexample.com', 'fail', 'fail'],
    ] as const) {
      for (const request of [
        { domain: author, spf: pass(other) },
        { domain: author, dkim: [pass('x.test'), pass(other)] },
      ]) {
        expect(await evaluate(request, relaxed), `${author} ${other}`).toMatchObject({ result: loose });
        expect(await evaluate(request, strict), `${author} ${other}`).toMatchObject({ result: tight });
      }
    }
  });

  it('DMARC-02 does not align two registrants below one public suffix', async () => {
    const records = { 'bank.test': 'v=DMARC1; p=reject; psd=y', 'giant.bank.test': 'v=DMARC1; p=quarantine' };
    expect(
      await evaluate({ domain: 'giant.bank.test', dkim: [pass('mail.mega.bank.test')] }, records),
    ).toMatchObject({ result: 'fail', disposition: 'quarantine' });
    expect(
      await evaluate({ domain: 'giant.bank.test', spf: pass('mail.giant.bank.test') }, records),
    ).toMatchObject({ result: 'pass' });
  });

  it('DMARC-11 DMARC-14 gives the disposition with its reason, one step weaker in test mode', async () => {
    const request = {
      domain: 'example.com',
      spf: { result: 'softfail', domain: 'example.com' },
      dkim: [{ result: 'fail', domain: 'example.com' }],
    };
    const failed = await evaluate(request, relaxed);
    expect(failed).toMatchObject({ result: 'fail', disposition: 'reject', identifiers: [] });
    expect(failed.reason).toBe(
      'Neither SPF nor DKIM passed for example.com; the policy is p=reject of example.com.',
    );
    for (const [policy, disposition] of [
      ['reject', 'quarantine'],
      ['quarantine', 'none'],
      ['none', 'none'],
    ] as const) {
      expect(await evaluate(request, { 'example.com': `v=DMARC1; p=${policy}; t=y` })).toMatchObject({
        disposition,
      });
    }
    expect(await evaluate({ domain: 'example.com', spf: pass('example.com') }, relaxed)).toMatchObject({
      result: 'pass',
      disposition: 'none',
    });
    expect(await evaluate({ domain: 'example.com', spf: pass('example.com') }, {})).toMatchObject({
      result: 'none',
      disposition: 'none',
    });
  });

  it('DMARC-12 is temporary only when failing DNS could have changed the result', async () => {
    const failures = { '_dmarc.bounce.example.com': 'servfail' };
    expect(
      await evaluate({ domain: 'example.com', spf: pass('bounce.example.com') }, relaxed, failures),
    ).toMatchObject({ result: 'temperror', disposition: 'none' });
    expect(
      await evaluate(
        { domain: 'example.com', spf: pass('bounce.example.com'), dkim: [pass('example.com')] },
        relaxed,
        failures,
      ),
    ).toMatchObject({ result: 'pass' });
    expect(
      await evaluate({ domain: 'example.com', spf: pass('bounce.example.com') }, strict, failures),
    ).toMatchObject({ result: 'fail' });
    expect(await evaluate({ domain: 'example.com' }, {}, { '_dmarc.example.com': 'timeout' })).toMatchObject({
      result: 'temperror',
    });
  });

  it('DMARC-13 looks at ten signatures at most', async () => {
    const resolver = createMemoryResolver({ '_dmarc.example.com': { TXT: 'v=DMARC1; p=reject' } });
    await evaluateDmarc(
      { domain: 'example.com', dkim: Array.from({ length: 500 }, (_, i) => pass(`s${i}.example.com`)) },
      resolver,
    );
    expect(resolver.calls.length).toBeLessThanOrEqual(12);
  });

  it('DMARC-03 never passes for an author that is not exactly one domain', async () => {
    const spf = pass('example.com');
    for (const domain of [
      null,
      '',
      'example.com, example.net',
      'example.com>',
      '[192.0.2.1]',
      '.',
      'a b.example',
    ]) {
      const outcome = await evaluate({ domain, spf, dkim: [spf] }, relaxed);
      expect(outcome).toMatchObject({ result: 'permerror', disposition: 'none', identifiers: [] });
    }
    for (const domain of [['example.com'], ['example.com', 'example.net'], undefined, 5]) {
      await expect(evaluate({ domain: domain as never, spf }, relaxed)).rejects.toMatchObject({
        code: 'MB_DNS_OPTION',
      });
    }
  });
});
