import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** Reads a whole number between two others, both included. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/** Reads a whole number of seconds, at least 1. */
export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 1) return seconds;
  throw new InvalidArgumentError('It must be a number of seconds.');
}

/** Reads a moment. */
export function parseMoment(text: string): Date {
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError('It must be a date such as 2026-01-31T12:00:00Z.');
}

/** Reads an IP address. */
export function parseIp(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new InvalidArgumentError('It must be an address such as 192.0.2.1 or 2001:db8::1.');
}
