import { DnsError } from './errors.ts';

/** Throws `MB_DNS_OPTION_UNKNOWN` when `options` has a key that `known` does not list. */
export function rejectUnknownOptions(options: object, known: readonly string[], owner: string): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new DnsError(
        'MB_DNS_OPTION_UNKNOWN',
        `${owner} has no option "${key}". It knows: ${known.join(', ')}.`,
      );
    }
  }
}

/** Returns `value` when it is an integer in `min…max`, `fallback` when undefined, and throws `MB_DNS_OPTION_INVALID` otherwise. */
export function integerOption(
  name: string,
  value: number | undefined,
  fallback: number,
  range: { min: number; max: number },
): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < range.min || value > range.max) {
    throw new DnsError(
      'MB_DNS_OPTION_INVALID',
      `${name} must be an integer from ${range.min} to ${range.max}, not ${String(value)}.`,
    );
  }
  return value;
}
