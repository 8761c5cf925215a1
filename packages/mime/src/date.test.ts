import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../test/compose-text.ts';
import { readDate } from './date.ts';
import { formatDate, parseDate } from './index.ts';

describe('formatDate', () => {
  it('MIME-28 writes RFC 5322 dates with a numeric zone, which come back', () => {
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

  it('MIME-28 knows two moments of one second from those of the next', () => {
    const texts = [999, 1000, new Date(1999), 2000, 999].map((date) => formatDate(date).slice(-8 - 6, -6));
    expect(texts).toEqual(['00:00:00', '00:00:01', '00:00:01', '00:00:02', '00:00:00']);
  });

  it('MIME-27 refuses an invalid date', async () => {
    for (const date of [Number.NaN, new Date('x'), 1e18, -3e12])
      expect(await codeOf(() => formatDate(date))).toBe('MB_MIME_DATE');
  });
});

describe('PARSE-40 parseDate', () => {
  it.each([
    ['Thu, 13 Feb 1969 23:32:54 -0330', '1969-02-14T03:02:54.000Z'],
    ['Fri, 21 Nov 1997 09(comment):   55  :  06 -0600', '1997-11-21T15:55:06.000Z'], // RFC 5322 A.6.3
    ['21 Nov 97 09:55:06 GMT', '1997-11-21T09:55:06.000Z'],
    ['Fri, 21 Nov 1997 09:55 EST (comment)', '1997-11-21T14:55:00.000Z'],
    ['1 jan 00 00:00:00 Z', '2000-01-01T00:00:00.000Z'],
    ['31 Feb 2020 00:00:00 +0000', undefined],
    ['0 Jan 2020 00:00:00 +0000', undefined],
    ['1 Foo 2020 00:00:00 +0000', undefined],
    ['garbage', undefined],
    ['', undefined],
    ['(c) Thu, 1 Jan 2026 10:00:00 +0100', '2026-01-01T09:00:00.000Z'],
    ['Thu, 1 Jan (new (very) year \\)) 2026 10:00:00 +0100', '2026-01-01T09:00:00.000Z'],
    ['Thu,1 Jan 2026 1:2:3 +0000', '2026-01-01T01:02:03.000Z'],
    ['Thu, 1 Jan 2026 11:59(17 +0100', undefined],
    ['Thu, 1 Jan 2026 1 :02:03 +0100', undefined],
    ['Thu, 1 Jan 2026 11:02: 3 +0100', undefined],
    ['Thu, 1 Jan 2026 11:02:03 +020', undefined],
    ['Thu, 1 Jan 2026 11:02:03 +0:45', undefined],
    ['Thu, 1 Jan  026 11:02:03 +0100', undefined],
    ['Thu, 1 Jan 970 11:02:03 +0100', undefined],
    ['Thursday, 01-Jan-26 10:00:00 GMT', '2026-01-01T10:00:00.000Z'], // RFC 850
    ['Tue Jul 24 18:55:07 2007', '2007-07-24T18:55:07.000Z'], // asctime
    ['Tue Jul  4 18:55:07 PDT 2007', '2007-07-05T01:55:07.000Z'],
    ['Tue Jul 24 18:55:07 2007 -0700', '2007-07-25T01:55:07.000Z'],
    ['Sat, Apr 09 2005 06:39:52 -0700', '2005-04-09T13:39:52.000Z'],
    ['April 9, 2005 06:39 UTC', '2005-04-09T06:39:00.000Z'],
    ['Mi., 1 Jan. 2025 09:48:37 +0200 (MESZ)', '2025-01-01T07:48:37.000Z'],
    ['2 Sept 2025 09.48.37 +0200 CEST', '2025-09-02T07:48:37.000Z'],
    ['2026-01-01T10:00:00Z', '2026-01-01T10:00:00.000Z'],
    ['2026-01-01 10:00:00.123+02:00', '2026-01-01T08:00:00.000Z'],
    ['Thu, 1 Jan 2026 00:00:00 +02:00', '2025-12-31T22:00:00.000Z'],
    ['Thu, 1 Jan 2026 00:00:00 GMT+0200', '2025-12-31T22:00:00.000Z'],
    ['Thu, 1 Jan 2026 00:00:00 UTC-2', '2026-01-01T02:00:00.000Z'],
    ['Thu, 1 Jan 2026 00:00:00 CEST', '2025-12-31T22:00:00.000Z'],
    ['1 Jan 126 00:00:00 +0000', '2026-01-01T00:00:00.000Z'], // RFC 5322 §4.3: three digits
    ['1 Jan 49 00:00:00 +0000', '2049-01-01T00:00:00.000Z'],
    ['1 Jan 50 00:00:00 +0000', '1950-01-01T00:00:00.000Z'],
    ['31 Dec 2016 23:59:60 +0000', '2017-01-01T00:00:00.000Z'], // a leap second
    ['29 Feb 2024 00:00:00 +0000', '2024-02-29T00:00:00.000Z'],
    ['29 Feb 2023 00:00:00 +0000', undefined],
    ['1 Jan 2026 24:00:00 +0000', undefined],
    ['1 Jan 2026 10:60:00 +0000', undefined],
    ['1 Jan 2026 10:00:61 +0000', undefined],
    ['1 Jan 2026 10:00:00 +0060', undefined],
    ['1 Jan 2026 10:00:00 PM', undefined],
    ['1 Jan 2026 10:00:00 PST+0100', undefined],
    ['1 Jan 2026 10:00:00 +0100 +0200', undefined],
    ['1 Jan 2026 10:00:00 ++0100', undefined],
    ['1 Jan 2026 10:00.5 +0000', undefined],
    ['1 Marzo 2026 10:00:00 +0100', undefined], // no English month
    ['1 Jan 1899 10:00:00 +0000', undefined],
    ['1 Jan 2026', undefined],
    ['1/2/2026 10:00:00 +0000', undefined],
    ['2026-13-01T10:00:00Z', undefined],
  ])('PARSE-40 reads %s', (text, expected) => {
    expect(parseDate(text)?.toISOString()).toBe(expected);
  });

  it('PARSE-41 counts a zone without an agreed meaning as UTC and says so', () => {
    for (const zone of ['', 'IST', 'A', 'm', 'Foo'])
      expect(readDate(`1 Jan 2026 10:00:00 ${zone}`)).toEqual({
        date: new Date('2026-01-01T10:00:00Z'),
        defect: 'date-zone-unknown',
      });
    expect(readDate('1 Jan 2026 10:00:00 Z').defect).toBeUndefined();
    expect(readDate('1 Jan 2026 10:00:00 -0000').defect).toBeUndefined();
    expect(readDate('tomorrow')).toEqual({ defect: 'date-invalid' });
  });
});
