import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { formatAuthenticationResults, parseAuthenticationResults } from '../../src/authentication-results.ts';
import { DkimError } from '../../src/errors.ts';

it(`MUT-01 MUT-02 parseAuthenticationResults throws DkimError only, and reads again what is formatted: ${mutationCount} fields`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'parseAuthenticationResults',
    samples: [
      'mx.example.org 1; dkim=pass (2048-bit key) reason="good \\"key\\"" header.d=example.com header.b=AbCd;\r\n spf=fail smtp.mailfrom=a@example.com; dmarc=none',
      'example.org; none',
      'spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com; dkim=none action=none header.from=example.com;compauth=pass reason=100',
      'mx.example.net; arc=pass (i=1 (nested)) smtp.remote-ip="2001:db8::1"; iprev/2=pass policy.iprev=192.0.2.1',
    ],
    words: [
      ';',
      '=',
      '/',
      '.',
      '(',
      ')',
      '"',
      '\\',
      'reason=',
      'dkim=pass',
      'none',
      '\r\n ',
      ' ',
      'header.d=',
      '@',
      'ü',
    ],
    check(text) {
      let parsed: ReturnType<typeof parseAuthenticationResults>;
      try {
        parsed = parseAuthenticationResults(text);
      } catch (error) {
        if (!DkimError.isInstance(error)) throw error;
        expect(error.code).toBe('MB_DKIM_AUTHRES_SYNTAX');
        return 'refused';
      }
      let written: string;
      try {
        written = formatAuthenticationResults(parsed, '');
      } catch (error) {
        // A field without an authserv-id cannot be written.
        if (!DkimError.isInstance(error)) throw error;
        return 'refused';
      }
      expect(comparable(parseAuthenticationResults(written))).toEqual(comparable(parsed));
      return 'accepted';
    },
  });
});

/** What a field says, in the form in which it is written. */
function comparable({ defects: _, results, ...content }: ReturnType<typeof parseAuthenticationResults>) {
  return {
    ...content,
    results: results.map(({ comment, properties, ...result }) => ({
      ...result,
      // A word that is longer than a line is cut by blanks, so that the comment can be folded.
      comment: comment?.replaceAll(' ', ''),
      // A property without a type is written with the type that fits any.
      properties: properties.map((one) => ({ ...one, type: one.type || 'policy' })),
    })),
  };
}
