import { describe, expect, it } from 'vitest';
import { octets, plainMessage, resolverOf, resolveTxt, signWithRsa, withFields } from '../test/fixtures.ts';
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
          comment: 'nested (very \\) deep)',
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
});
