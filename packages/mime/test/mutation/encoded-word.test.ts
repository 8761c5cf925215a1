import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { decodeWords, encodeWords, MimeError } from '../../src/index.ts';

it(`MUT-01 MUT-02 decodeWords never throws, and decodes again what is encoded: ${mutationCount} texts`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'decodeWords',
    samples: [
      '=?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?utf-8?B?w6TDtsO8?= plain',
      '=?iso-8859-1*de?q?=E4_=E4?=\r\n =?ISO-2022-JP?B?GyRCJEIbKEI=?=',
      '=?utf-8?B?8J+YgA==?==?utf-8?Q?=F0=9F?= =?utf-8?Q?=98=80?=',
    ],
    words: ['=?', '?=', '?Q?', '?B?', '=?utf-8?Q?', '=?utf-8?B?', '=C3', '_', ' ', '\r\n ', '=?x?y?z?='],
    check(text) {
      const decoded = decodeWords(text);
      let encoded: string;
      try {
        encoded = encodeWords(decoded);
      } catch (error) {
        if (!MimeError.isInstance(error)) throw error;
        return 'refused';
      }
      expect(encoded).toMatch(/^[\t\r\n -~]*$/);
      // A byte order mark at the start of an encoded-word is no part of the text.
      expect(decodeWords(encoded).replaceAll('\ufeff', '')).toBe(
        decoded.toWellFormed().replaceAll('\ufeff', ''),
      );
      return 'accepted';
    },
  });
});
