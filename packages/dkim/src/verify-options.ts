import { DkimError } from './errors.ts';
import type { ResolveTxt } from './key-lookup.ts';
import { refuseUnknownKeys, requireInteger } from './options.ts';

/** How messages are verified; only `resolveTxt` has no default. */
export interface VerifyOptions {
  /** TXT look-up: `resolveTxt` of node:dns/promises or a function of its shape. */
  readonly resolveTxt: ResolveTxt;
  /** Current time in epoch ms. Default `Date.now`. */
  readonly now?: () => number;
  /** Signatures that are tried, from the top of the header; each may cost a DNS query. Default 8. */
  readonly maxSignatures?: number;
  /** Time for each key look-up in ms. Default 10,000. */
  readonly lookupTimeoutMs?: number;
  /** Smallest RSA key accepted, in bits. Default 1024; not less (RFC 8301). */
  readonly minRsaBits?: number;
  /** Longest header accepted, in octets. Default 1 MiB. */
  readonly maxHeaderBytes?: number;
  /** Stops reading the message. */
  readonly signal?: AbortSignal;
}

/** VerifyOptions with the defaults in. */
export interface VerifyPlan extends Required<Omit<VerifyOptions, 'signal'>> {
  readonly signal: AbortSignal | undefined;
}

const known = new Set([
  'resolveTxt',
  'now',
  'maxSignatures',
  'lookupTimeoutMs',
  'minRsaBits',
  'maxHeaderBytes',
  'signal',
]);

/** Checks options and fills in the defaults.
 *
 *  @throws {DkimError} MB_DKIM_OPTION.
 */
export function planVerification(options: VerifyOptions): VerifyPlan {
  refuseUnknownKeys(options, known, 'DKIM verification');
  if (typeof options.resolveTxt !== 'function') {
    throw new DkimError(
      'MB_DKIM_OPTION',
      'resolveTxt must be a function, such as the one of node:dns/promises.',
    );
  }
  return {
    resolveTxt: options.resolveTxt,
    now: options.now ?? Date.now,
    maxSignatures: requireInteger(options.maxSignatures ?? 8, 'maxSignatures', 1, 1000),
    lookupTimeoutMs: requireInteger(options.lookupTimeoutMs ?? 10_000, 'lookupTimeoutMs', 1, 600_000),
    minRsaBits: requireInteger(options.minRsaBits ?? 1024, 'minRsaBits', 1024, 16_384),
    maxHeaderBytes: requireInteger(options.maxHeaderBytes ?? 1 << 20, 'maxHeaderBytes', 1, 2 ** 30),
    signal: options.signal,
  };
}
