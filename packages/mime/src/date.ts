import { checkText } from './argument.ts';
import { withoutComments } from './comment.ts';
import { MimeError, wordSet } from './errors.ts';

/** The last formatted date, since messages in the same second share it. */
let writtenDate = '';
let writtenSecond: number | undefined;

/**
 * Formats a date as in RFC 5322 §3.3, in UTC.
 *
 * @param date  A Date or milliseconds since 1970.
 * @throws {MimeError} MB_MIME_DATE for an invalid date or a year outside 1900 to 9999.
 * @example formatDate(0) // 'Thu, 01 Jan 1970 00:00:00 +0000'
 */
export function formatDate(date: Date | number): string {
  const isDate = typeof date === 'number' || date instanceof Date;
  const second = isDate ? Math.floor(Number(date) / 1000) : Number.NaN;
  if (second === writtenSecond) return writtenDate;
  const d = new Date(isDate ? date : Number.NaN);
  const year = d.getUTCFullYear();
  if (!(year >= 1900 && year <= 9999)) {
    throw new MimeError('MB_MIME_DATE', 'A date must be valid, with a year from 1900 to 9999.');
  }
  writtenSecond = second;
  writtenDate = d.toUTCString().replace('GMT', '+0000');
  return writtenDate;
}

/** The result of parsing a date. */
export interface DateReading {
  readonly date?: Date;
  /** `date-zone-unknown`: the zone is missing or ambiguous, and UTC was assumed. */
  readonly defect?: 'date-invalid' | 'date-zone-unknown';
}

/** Offsets in hours of the zones in RFC 5322 §4.3, and of unambiguous ones in the IANA time zone database. */
const ZONES =
  ' UT GMT UTC Z WET:0 CET MET MEZ WEST:1 EET CEST MEST MESZ:2 MSK EEST:3 HKT:8 JST KST:9' +
  ' EDT:-4 EST CDT:-5 CST MDT:-6 MST PDT:-7 PST AKDT:-8 AKST:-9 HST:-10 ';

/** Day, month, year, time and the rest, with single blanks and none next to colons and commas. */
const DATE =
  /^(?:[^\d\s,]{1,15}(?:, ?| ))?(\d\d?)\.?[ -]?([a-z]{3,9})\.?[ ,-]?(\d{2,4})[ ,](\d\d?):(\d\d?)(?::(\d\d?)(?:[.,]\d+)?)?(.*)$/i;

/**
 * Parses a date of RFC 5322 §3.3 with the obsolete forms of §4.3 (two-digit years, named zones, comments and white
 * space anywhere). Also accepts invalid forms that are unambiguous: asctime, `Apr 9 2005`, ISO 8601, zones such as
 * `+02:00` and `GMT+0200`.
 *
 * A missing or ambiguous zone counts as UTC (RFC 5322 §4.3).
 *
 * @param text  The unfolded value.
 * @returns The time, or undefined if the text is not clearly a date with a time.
 * @example parseDate('Thu, 01 Jan 1970 01:00:00 +0100')?.getTime() // 0
 */
export function parseDate(text: string): Date | undefined {
  checkText(text, 'parseDate: text');
  return readDate(text).date;
}

/** The usual date: RFC 5322 §3.3 with single blanks. */
const PLAIN = /^(?:[A-Z][a-z]{2}, )?\d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$/;

const MONTHS: readonly string[] = /* @__PURE__ */ Array.from(
  /* @__PURE__ */ wordSet(
    'january february march april may june july august september october november december',
  ),
);

/** As {@link parseDate}; the result also tells what was wrong. */
export function readDate(text: string): DateReading {
  const [, day, name = '?', yearText = '', hour, minute, second = 0, zone = ''] =
    DATE.exec(PLAIN.test(text) ? text : dayFirst(text)) ?? [];
  const monthName = name.toLowerCase();
  const month = MONTHS.findIndex((full) => full.startsWith(monthName));
  let year = Number(yearText);
  // RFC 5322 §4.3
  if (yearText.length < 4) year += yearText.length === 2 && year < 50 ? 2000 : 1900;
  const date = new Date(Date.UTC(year, month, Number(day)));
  const minutes = zoneMinutes(zone.trim().toUpperCase());
  const valid =
    month >= 0 &&
    year >= 1900 &&
    (yearText.length !== 3 || yearText.startsWith('1')) && // some programs count from 1900 and write 100 after 99
    date.getUTCDate() === Number(day) && // otherwise the day does not exist
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) <= 60 &&
    !Number.isNaN(minutes);
  if (!valid) return { defect: 'date-invalid' };
  date.setUTCHours(Number(hour), Number(minute) - (minutes ?? 0), Number(second));
  return minutes === null ? { date, defect: 'date-zone-unknown' } : { date };
}

/** A date with single blanks, none of them beside a colon or comma, in the order of RFC 5322 §3.3. */
function dayFirst(text: string): string {
  // A longer text is no date.
  return (
    withoutComments(text.slice(0, 1000), ' ')
      .trim()
      .replace(/\s+/g, ' ')
      // A lone digit beside a blank has lost its neighbour.
      .replace(/(?<!\d)\d :|: \d(?!\d)/, '?')
      .replace(/ ?([:,]) ?/g, '$1')
      // QUIRK(several senders): dots in the time.
      .replace(/ (\d\d?)\.(\d\d)\.(\d\d)(?= |$)/, ' $1:$2:$3')
      // ISO 8601 with a time, as RFC 3339 §5.6 restricts it.
      .replace(/^(\d{4})-(\d\d)-(\d\d)[T ]/i, (_, y, m, d) => `${d} ${MONTHS[m - 1]} ${y} `)
      // The month first, as in asctime (ISO C §7.27.3.1), which has the year last.
      .replace(/^(?:[^\d\s,]{1,15}[, ])?([a-z]{3,9}\.?) (\d\d?)[ ,]/i, '$2 $1 ')
      .replace(/^(\d+ [a-z.]+) ([\d:]+)((?: [a-z]+| [+-]\d+)?) (\d{4})/i, '$1 $4 $2$3')
  );
}

/** Minutes that a zone, in upper case, is before UTC; null for one without an agreed meaning, NaN for anything else. */
function zoneMinutes(zone: string): number | null {
  const match = /^([A-Z]{0,5}) ?(?:([+-])(\d\d?)(?:(?<=\d\d):?([0-5]\d))?(?: [A-Z]{1,5})?)?$/.exec(zone);
  const [, name = '', sign, hours, minutes = '0'] = match ?? [];
  if (match === null || /^[AP]M$/.test(name)) return Number.NaN;
  const hour = name === '' ? undefined : new RegExp(` ${name}(?=[ :])[A-Z ]*:(-?\\d+)`).exec(ZONES)?.[1];
  const known = hour === undefined ? null : Number(hour);
  if (sign === undefined) return known === null ? null : known * 60;
  const offset = Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes));
  // A name beside the offset says the same, as `GMT+0200` does: that is what clocks of this zone differ from GMT.
  return name === '' || known === 0 || known === offset / 60 ? offset : Number.NaN;
}
