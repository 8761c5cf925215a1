import { MimeError } from './errors.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The date that was written last: messages of one second have the same. */
let writtenDate = '';
let writtenSecond: number | undefined;

/**
 * Writes a date as RFC 5322 §3.3 has it, in UTC.
 *
 * @param date  A Date or milliseconds since 1970.
 * @throws {MimeError} MB_MIME_DATE for an invalid date or a year outside 1900 to 9999.
 * @example formatDate(0) // 'Thu, 01 Jan 1970 00:00:00 +0000'
 */
export function formatDate(date: Date | number): string {
  const second = Math.floor(Number(date) / 1000);
  if (second === writtenSecond) return writtenDate;
  const d = new Date(date);
  const year = d.getUTCFullYear();
  if (!(year >= 1900 && year <= 9999)) {
    throw new MimeError('MB_MIME_DATE', 'A valid date has a year from 1900 to 9999.');
  }
  writtenSecond = second;
  writtenDate = d.toUTCString().replace('GMT', '+0000');
  return writtenDate;
}

/** Zones of RFC 5322 §4.3 in minutes; other letters count as UTC there. */
const ZONES: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  ['EST', -300],
  ['EDT', -240],
  ['CST', -360],
  ['CDT', -300],
  ['MST', -420],
  ['MDT', -360],
  ['PST', -480],
  ['PDT', -420],
]);

const DATE =
  /^(?:[a-z]{3,9}\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?[\s-]+(\d{2,4})[\s,]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*(?:([+-]\d{4})|([a-z]{1,5}))?/i;

/**
 * Reads a date of RFC 5322 §3.3 with the obsolete forms of §4.3: two-digit years, named zones, no seconds.
 *
 * @param text  The unfolded value; comments behind the date are ignored.
 * @returns The moment, or undefined for what is no date.
 * @example parseDate('Thu, 01 Jan 1970 01:00:00 +0100')?.getTime() // 0
 */
export function parseDate(text: string): Date | undefined {
  const match = DATE.exec(text.slice(0, 200).trim());
  if (match === null) return undefined;
  const [, day, monthName, yearText, hour, minute, second = '0', offset, zone = ''] = match;
  const month = MONTHS.findIndex((name) => name.toLowerCase() === monthName!.toLowerCase());
  let year = Number(yearText);
  if (yearText!.length === 2) year += year < 50 ? 2000 : 1900; // RFC 5322 §4.3
  if (yearText!.length === 3) year += 1900;
  if (month < 0 || Number(day) > 31 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60)
    return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month, Number(day));
  if (date.getUTCMonth() !== month || Number(day) === 0) return undefined; // no such day
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  const minutes = offset === undefined ? (ZONES.get(zone.toUpperCase()) ?? 0) : offsetMinutes(offset);
  return new Date(date.getTime() - minutes * 60_000);
}

function offsetMinutes(offset: string): number {
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3));
  return offset.startsWith('-') ? -minutes : minutes;
}
