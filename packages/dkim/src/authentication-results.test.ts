import { describe, expect, it } from 'vitest';
import { octets, plainMessage, resolverOf, resolveTxt, signWithRsa, withFields } from '../test/fixtures.ts';
import { sealMessage } from './arc/seal.ts';
import { formatAuthenticationResults, parseAuthenticationResults } from './authentication-results.ts';
import { dkimResults } from './dkim-results.ts';
import { signMessage } from './sign.ts';
import { verifyMessage } from './verify.ts';

describe('Authentication-Results', () => {
  it('ARC-03 parses results, reasons, properties and none', () => {
    expect(parseAuthenticationResults(' example.org; none')).toEqual({
      authservId: 'example.org',
      results: [],
    });
    expect(
      parseAuthenticationResults(
        'example.com;\r\n\tspf=pass smtp.mailfrom=user@example.net;\r\n\tdkim=fail reason="bad signature" header.i=@example.net header.b=Ab3+/d=;',
      ),
    ).toEqual({
      authservId: 'example.com',
      results: [
        {
          method: 'spf',
          result: 'pass',
          properties: [{ type: 'smtp', name: 'mailfrom', value: 'user@example.net' }],
        },
        {
          method: 'dkim',
          result: 'fail',
          reason: 'bad signature',
          properties: [
            { type: 'header', name: 'i', value: '@example.net' },
            { type: 'header', name: 'b', value: 'Ab3+/d=' },
          ],
        },
      ],
    });
  });

  it('ARC-03 parses comments anywhere, quoted values and versions (the heaviest example of RFC 8601, appendix B.7)', () => {
    const value = [
      ' foo.example.net (foobar) 1 (baz);',
      ' dkim (Because I like it) / 1 (One yay) = (wait for it) fail',
      ' policy (A dot can go here) . (like that) expired',
      " (this surprised me) = (as I wasn't expecting it) 1362471462",
    ].join('\r\n');
    expect(parseAuthenticationResults(value)).toEqual({
      authservId: 'foo.example.net',
      version: 1,
      results: [
        {
          method: 'dkim',
          version: 1,
          result: 'fail',
          comment:
            "Because I like it One yay wait for it A dot can go here like that this surprised me as I wasn't expecting it",
          properties: [{ type: 'policy', name: 'expired', value: '1362471462' }],
        },
      ],
    });
    expect(
      parseAuthenticationResults(
        '"mx;1" 2; DKIM=Pass (nested (very \\) deep)) header.from="a \\"b\\" c"@example.com',
      ),
    ).toEqual({
      authservId: 'mx;1',
      version: 2,
      results: [
        {
          method: 'dkim',
          result: 'pass',
          comment: 'nested (very ) deep)',
          properties: [{ type: 'header', name: 'from', value: 'a "b" c@example.com' }],
        },
      ],
    });
  });

  it('ARC-03 formats, folded, and parses what it formats', () => {
    const content = {
      authservId: 'mx.example.org',
      version: 1,
      results: [
        {
          method: 'dkim',
          version: 1,
          result: 'pass',
          reason: 'good "enough"',
          comment: '2048-bit key, ok',
          properties: [
            { type: 'header', name: 'd', value: 'example.com' },
            { type: 'header', name: 'i', value: 'user@example.com' },
            { type: 'header', name: 'b', value: 'Ab3+/d==' },
          ],
        },
        { method: 'spf', result: 'none', properties: [] },
      ],
    };
    const field = formatAuthenticationResults(content);
    expect(field).toBe(
      'Authentication-Results: mx.example.org 1;\r\n' +
        '\tdkim/1=pass reason="good \\"enough\\"" (2048-bit key, ok) header.d=example.com\r\n' +
        '\theader.i=user@example.com header.b="Ab3+/d==";\r\n' +
        '\tspf=none\r\n',
    );
    expect(parseAuthenticationResults(field.slice(field.indexOf(':') + 1))).toEqual(content);
    expect(formatAuthenticationResults({ authservId: 'a b', results: [] })).toBe(
      'Authentication-Results: "a b"; none\r\n',
    );
  });

  it('ARC-03 refuses to format line breaks, and names that are none', () => {
    const one = { method: 'dkim', result: 'pass', properties: [] };
    for (const content of [
      { authservId: 'a\r\nBcc: x', results: [one] },
      { authservId: 'a', results: [{ ...one, reason: 'x\ny' }] },
      { authservId: 'a', results: [{ ...one, comment: 'x\r\n' }] },
      { authservId: 'a', results: [{ ...one, method: 'dk im' }] },
      { authservId: 'a', results: [{ ...one, result: '' }] },
      { authservId: 'a', results: [{ ...one, properties: [{ type: 'header', name: 'd', value: 'a\0' }] }] },
    ]) {
      expect(() => formatAuthenticationResults(content)).toThrowError(
        expect.objectContaining({ code: 'MB_DKIM_AUTHRES_SYNTAX' }),
      );
    }
  });

  it('ARC-03 refuses what is no such field', () => {
    for (const value of [
      '',
      ';',
      'a; dkim',
      'a; dkim=',
      'a; dkim=pass header',
      'a; dkim=pass header.d',
      'a; dkim=pass (',
      'a; =x',
      'a b; none',
      'a; dkim=pass reason="',
      'a 99999999999; none',
    ]) {
      expect(() => parseAuthenticationResults(value), value).toThrowError(
        expect.objectContaining({ code: 'MB_DKIM_AUTHRES_SYNTAX' }),
      );
    }
  });

  it('states the results of a verification', async () => {
    const message = withFields(
      await signMessage(plainMessage, { ...signWithRsa, bodyLength: 5 }),
      plainMessage,
    );
    const [result] = dkimResults(await verifyMessage(message, { resolveTxt }));
    expect(result).toMatchObject({ method: 'dkim', result: 'pass', comment: '2048-bit key, 5 of 28 octets' });
    const missing = dkimResults(await verifyMessage(message, { resolveTxt: resolverOf({}) }));
    expect(missing).toMatchObject([{ result: 'permerror', reason: 'key-missing' }]);
    expect(dkimResults(await verifyMessage(plainMessage, { resolveTxt }))).toEqual([
      { method: 'dkim', result: 'none', properties: [] },
    ]);
  });

  it('never lets a signature put anything into the header', async () => {
    const forged = octets(
      'DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=rsa; i=a=0D=0ABcc:=20x@example.com; h=from; bh=AAAA; b=AA"(\r\n' +
        'DKIM-Signature: v=9; d=x\r\n y; s="; b=A(A\r\nFrom: a@example.com\r\n\r\n',
    );
    const field = formatAuthenticationResults({
      authservId: 'mx.example.org',
      results: dkimResults(await verifyMessage(forged, { resolveTxt })),
    });
    expect(field.replaceAll('\r\n\t', ' ').slice(0, -2)).not.toMatch(/[\r\n]/);
    expect(parseAuthenticationResults(field.slice(field.indexOf(':') + 1)).results.length).toBe(2);
  });

  it('ARC-04 reads fields of large receivers and says what is wrong with them', () => {
    const read = (value: string) => parseAuthenticationResults(value);
    expect(
      read(
        'spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.com; dkim=pass (signature was verified)\r\n' +
          ' header.d=example.com;dmarc=pass action=none\r\n header.from=example.com;compauth=pass reason=100',
      ),
    ).toMatchObject({
      authservId: '',
      defects: ['authserv-id-missing', 'property-without-type'],
      results: [
        { method: 'spf', result: 'pass', comment: 'sender IP is 192.0.2.1' },
        { method: 'dkim', properties: [{ type: 'header', name: 'd', value: 'example.com' }] },
        { method: 'dmarc', properties: [{ type: '', name: 'action', value: 'none' }, { name: 'from' }] },
        { method: 'compauth', result: 'pass', reason: '100' },
      ],
    });
    expect(read('mx.example.org; dkim=pass header.d=example.com x-bits=2048')).toMatchObject({
      authservId: 'mx.example.org',
      defects: ['property-without-type'],
      results: [{ properties: [{ name: 'd' }, { type: '', name: 'x-bits', value: '2048' }] }],
    });
    for (const value of ['spf = pass; dkim=fail', '; spf=pass; dkim=fail', 'spf/1=pass; dkim=fail;;'])
      expect(read(value)).toMatchObject({ authservId: '', results: [{ method: 'spf' }, { method: 'dkim' }] });
    // A result that cannot be read does not hide the others, also behind quotes and comments.
    expect(read('mx; dkim=pass; spf "a;b" (c;d) ?; dmarc=fail')).toMatchObject({
      defects: ['result-malformed'],
      results: [{ method: 'dkim' }, { method: 'dmarc', result: 'fail' }],
    });
    expect(read('"a=b"; spf=pass').authservId).toBe('a=b');
    expect(read('mx.example.org; none')).toEqual({ authservId: 'mx.example.org', results: [] });
  });

  it('ARC-08 keeps a comment with quoted pairs the same however often it is formatted and parsed', () => {
    let content = parseAuthenticationResults('mx; dkim=pass (a \\(b\\) \\\\ c (d)) action=none');
    const comment = 'a (b) \\ c (d)';
    for (let round = 0; round < 3; round++) {
      expect(content.results[0]).toMatchObject({ comment });
      const field = formatAuthenticationResults(content);
      expect(field).toContain('policy.action=none');
      content = parseAuthenticationResults(field.slice(field.indexOf(':') + 1));
    }
  });

  it('ARC-05 folds long values and comments, and gives them back', () => {
    const words = Array.from({ length: 400 }, (_, index) => `word${index}`).join(' ');
    const content = {
      authservId: `mx of ${words}`,
      results: [
        {
          method: 'dkim',
          result: 'pass',
          reason: `say  "${words}"`,
          comment: words,
          properties: [
            { type: 'header', name: 'i', value: `${'a'.repeat(300)}@example.com` },
            { type: 'policy', name: 'note', value: words },
          ],
        },
      ],
    };
    const field = formatAuthenticationResults(content);
    const lines = field.split('\r\n');
    for (const line of lines.filter((one) => !one.includes('aaaa')))
      expect(line.length).toBeLessThanOrEqual(78);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/\S/);
    expect(parseAuthenticationResults(field.slice(field.indexOf(':') + 1))).toEqual(content);
  });

  it('ARC-05 ARC-09 writes no line over 998 octets, whatever a message or a caller brings', async () => {
    const long = 'x'.repeat(3000);
    const hostile = octets(
      `DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=rsa; i=${long}@example.com; h=from; bh=AAAA; b=AAAA\r\n` +
        'From: a@example.com\r\n\r\n',
    );
    const results = dkimResults(await verifyMessage(hostile, { resolveTxt }));
    const { fields } = await sealMessage(plainMessage, {
      signature: signWithRsa,
      authservId: 'mx.example.org',
      results: [...results, { method: 'spf', result: 'pass', comment: long, properties: [] }],
      verification: { resolveTxt },
    });
    for (const line of fields.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
    const property = { type: 'header', name: 'i', value: long };
    for (const change of [{ reason: long }, { properties: [property] }, { reason: '\u00e9'.repeat(600) }]) {
      const one = { method: 'dkim', result: 'pass', properties: [], ...change };
      expect(() => formatAuthenticationResults({ authservId: 'mx', results: [one] })).toThrowError(
        expect.objectContaining({ code: 'MB_DKIM_AUTHRES_SYNTAX' }),
      );
    }
  });
});
