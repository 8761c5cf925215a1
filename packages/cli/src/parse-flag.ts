import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** Returns a parser for a whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/** Parses a whole number of seconds, at least 1. */
export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 1) return seconds;
  throw new InvalidArgumentError('It must be a whole number of seconds, at least 1.');
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses a time such as `30m`, `12h` or `7d` to milliseconds; `0` needs no unit. */
export function parseDuration(text: string): number {
  const match = /^(?<count>\d{1,5})(?<unit>[smhd])$/.exec(text)?.groups;
  if (match) return Number(match.count) * unitMs[match.unit!]!;
  if (text === '0') return 0;
  throw new InvalidArgumentError('It must be a time such as 30m, 12h or 7d.');
}

/** Parses a date. */
export function parseMoment(text: string): Date {
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError('It must be a date such as 2026-01-31T12:00:00Z.');
}

/** Parses words separated by commas, and appends them to those of an earlier flag. */
export function parseWords(text: string, before: readonly string[] = []): string[] {
  const words = text.split(',').map((word) => word.trim());
  if (words.includes('')) throw new InvalidArgumentError('It must be words separated by commas.');
  return [...before, ...words];
}

/** The values of a flag that may be repeated, each of which may be several separated by commas. */
export function splitAtCommas(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(',')).map((one) => one.trim());
}

/** Parses an IP address. */
export function parseIp(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new InvalidArgumentError('It must be an address such as 192.0.2.1 or 2001:db8::1.');
}
