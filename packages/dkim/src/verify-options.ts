import type { ResolveTxt } from './key-lookup.ts';
import { callback, integer, type OptionTable, readOptions, required, signal } from './option-table.ts';

/** How to verify messages; only `resolveTxt` has no default. */
export interface VerifyOptions {
  /** Looks up TXT records: `resolveTxt` of node:dns/promises, or a function with the same signature. */
  readonly resolveTxt: ResolveTxt;
  /** Current time in epoch ms. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Maximum number of signatures to verify, from the top of the header; each may need a DNS query. Default 8. */
  readonly maxSignatures?: number | undefined;
  /** Timeout of each key lookup in ms. Default 10,000. */
  readonly lookupTimeoutMs?: number | undefined;
  /** Minimum size of RSA keys in bits. Default and minimum 1024 (RFC 8301). */
  readonly minRsaBits?: number | undefined;
  /** Maximum size of the header in octets. Default 1 MiB. */
  readonly maxHeaderBytes?: number | undefined;
  /** Aborts reading the message. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link VerifyOptions} accepts. */
export const verifyOptions = {
  resolveTxt: required(callback<ResolveTxt>()),
  now: callback<() => number>(),
  maxSignatures: integer(1, 1000, { default: 8 }),
  lookupTimeoutMs: integer(1, 600_000, { default: 10_000, unit: 'ms' }),
  minRsaBits: integer(1024, 16_384, { default: 1024, unit: 'bits' }),
  maxHeaderBytes: integer(1, 2 ** 30, { default: 1 << 20, unit: 'octets' }),
  signal: signal(),
} satisfies OptionTable<VerifyOptions>;

/** VerifyOptions with defaults. */
export interface VerifyPlan {
  readonly resolveTxt: ResolveTxt;
  readonly now: () => number;
  readonly maxSignatures: number;
  readonly lookupTimeoutMs: number;
  readonly minRsaBits: number;
  readonly maxHeaderBytes: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks options and fills in the defaults.
 *
 * @param where  The public function that was called and its parameter.
 * @throws {DkimError} MB_DKIM_OPTION.
 */
export function planVerification(options: VerifyOptions, where: string): VerifyPlan {
  const read = readOptions(options, verifyOptions, where);
  return { ...read, now: read.now ?? Date.now, signal: read.signal };
}
