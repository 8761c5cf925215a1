import { MimeError } from './errors.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const pad = (value: number): string => (value < 10 ? `0${value}` : `${value}`);

/**
 * Writes a date as RFC 5322 §3.3 has it, in UTC.
 *
 * @param date  A Date or milliseconds since 1970.
 * @throws {MimeError} MB_MIME_DATE for an invalid date or a year outside 1900 to 9999.
 * @example formatDate(0) // 'Thu, 01 Jan 1970 00:00:00 +0000'
 */
export function formatDate(date: Date | number): string {
  const d = new Date(date);
  const year = d.getUTCFullYear();
  if (!(year >= 1900 && year <= 9999)) {
    throw new MimeError('MB_MIME_DATE', 'The date is invalid or its year is not between 1900 and 9999.');
  }
  const time = `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}`;
  return `${DAYS[d.getUTCDay()]}, ${pad(d.getUTCDate())} ${MONTHS[d.getUTCMonth()]} ${year} ${time} +0000`;
}
