import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../test/compose-text.ts';
import { formatDate, parseDate } from './index.ts';

describe('formatDate', () => {
  it('MIME-13 writes RFC 5322 dates with a numeric zone, which come back', () => {
    expect(formatDate(0)).toBe('Thu, 01 Jan 1970 00:00:00 +0000');
    const range = {
      min: new Date('1900-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    };
    fc.assert(
      fc.property(fc.date(range), (date) => {
        const text = formatDate(date);
        expect(text).toMatch(
          /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000$/,
        );
        expect(parseDate(text)?.getTime()).toBe(Math.floor(date.getTime() / 1000) * 1000);
        expect(new Date(text).getTime()).toBe(Math.floor(date.getTime() / 1000) * 1000);
      }),
    );
  });

  it('MIME-13 knows two moments of one second from those of the next', () => {
    const texts = [999, 1000, new Date(1999), 2000, 999].map((date) => formatDate(date).slice(-8 - 6, -6));
    expect(texts).toEqual(['00:00:00', '00:00:01', '00:00:01', '00:00:02', '00:00:00']);
  });

  it('MIME-12 refuses an invalid date', async () => {
    for (const date of [Number.NaN, new Date('x'), 1e18, -3e12])
      expect(await codeOf(() => formatDate(date))).toBe('MB_MIME_DATE');
  });
});

describe('parseDate', () => {
  it.each([
    ['Thu, 13 Feb 1969 23:32:54 -0330', '1969-02-14T03:02:54.000Z'],
    ['Fri, 21 Nov 1997 09(comment):   55  :  06 -0600', undefined],
    ['21 Nov 97 09:55:06 GMT', '1997-11-21T09:55:06.000Z'],
    ['Fri, 21 Nov 1997 09:55 EST (comment)', '1997-11-21T14:55:00.000Z'],
    ['1 jan 00 00:00:00 Z', '2000-01-01T00:00:00.000Z'],
    ['31 Feb 2020 00:00:00 +0000', undefined],
    ['0 Jan 2020 00:00:00 +0000', undefined],
    ['1 Foo 2020 00:00:00 +0000', undefined],
    ['garbage', undefined],
    ['', undefined],
  ])('reads %s', (text, expected) => {
    expect(parseDate(text)?.toISOString()).toBe(expected);
  });
});
