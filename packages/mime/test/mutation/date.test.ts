import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { formatDate, MimeError, parseDate } from '../../src/index.ts';

it(`MUT-01 MUT-02 parseDate gives a date or undefined, and reads again what is formatted: ${mutationCount} texts`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'parseDate',
    samples: [
      'Fri, 20 Nov 2026 10:00:00 +0000',
      '1 Jan 99 23:59 EST (comment (nested))',
      'Fri Nov 20 10:00:00 2026',
      '2026-11-20T10:00:00.123+02:00',
      'Thu,  9 Apr 2026 1:02:03 GMT+0200 (CEST)',
    ],
    words: [
      ' ',
      ':',
      '+0000',
      '-2400',
      'Feb',
      '29',
      '60',
      '24',
      '(',
      ')',
      ',',
      'Z',
      'T',
      '00',
      '9999',
      '31 Dec',
    ],
    check(text) {
      const date = parseDate(text);
      if (date === undefined) return 'refused';
      expect(Number.isNaN(date.getTime())).toBe(false);
      let written: string;
      try {
        written = formatDate(date);
      } catch (error) {
        if (!MimeError.isInstance(error)) throw error;
        return 'refused';
      }
      expect(parseDate(written)?.getTime()).toBe(Math.floor(date.getTime() / 1000) * 1000);
      return 'accepted';
    },
  });
});
