import { describe, expect, it } from 'vitest';
import { createMemoryResolver } from './memory.ts';
import { lookupTlsRpt } from './tls-rpt.ts';

const lookup = (TXT: string | string[] | undefined) =>
  lookupTlsRpt(
    'Example.test',
    createMemoryResolver(TXT === undefined ? {} : { '_smtp._tls.example.test': { TXT } }),
  );

describe('lookupTlsRpt', () => {
  it('TLSRPT-01 TLSRPT-02 reads the report URIs', async () => {
    expect(await lookup('v=TLSRPTv1; rua=mailto:tls@example.test, https://example.test/r ; x=1')).toEqual({
      status: 'found',
      domain: 'example.test',
      reportUris: ['mailto:tls@example.test', 'https://example.test/r'],
      problems: [],
    });
    expect(await lookup(['unrelated', 'v=TLSRPTv1;rua=mailto:a@b.test;'])).toMatchObject({ status: 'found' });
  });

  it('TLSRPT-01 TLSRPT-02 takes no record, several or a broken one for none', async () => {
    expect(await lookup(undefined)).toMatchObject({ status: 'none', problems: [] });
    expect(await lookup('v=TLSRPTv2; rua=mailto:a@b.test')).toMatchObject({ status: 'none', problems: [] });
    expect(
      await lookup(['v=TLSRPTv1; rua=mailto:a@b.test', 'v=TLSRPTv1; rua=mailto:c@d.test']),
    ).toMatchObject({ status: 'none', problems: [expect.stringContaining('2 records')] });
    for (const rua of [
      '',
      'rua=',
      'rua=http://x.test/',
      'rua=mailto:nobody',
      'rua=javascript:x',
      'nonsense',
    ]) {
      expect(await lookup(`v=TLSRPTv1; ${rua}`), rua).toMatchObject({ status: 'none' });
    }
    const failing = createMemoryResolver({}, { failures: { '_smtp._tls.example.test': 'servfail' } });
    expect(await lookupTlsRpt('example.test', failing)).toMatchObject({ status: 'temporary' });
    expect(await lookupTlsRpt('a b', failing)).toMatchObject({ status: 'none' });
  });
});
