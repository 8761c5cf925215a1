import { integer, type OptionTable, readOptions } from '../option-table.ts';

const day = 86_400_000;

/** How long messages, events and staged content are kept, in milliseconds. */
export interface Retention {
  /**
   * Messages whose recipients were all delivered; default 3 days. Idempotency keys are kept as long as their messages.
   */
  readonly deliveredMs: number;
  /** Messages with a recipient that failed, expired or was cancelled; default 14 days. */
  readonly failedMs: number;
  /** The event log; default 14 days. */
  readonly eventsMs: number;
  /** Staged content that no longer grows and was not accepted; default 15 minutes. */
  readonly stagedMs: number;
  /** Maximum number of rows of each kind that one call deletes; default 1,000. */
  readonly batch: number;
}

/** The same, each field optional. */
export type RetentionOptions = { readonly [K in keyof Retention]?: Retention[K] | undefined };

const milliseconds = integer(0, 9e12, { unit: 'ms' });

/** What `retention` accepts. */
export const retentionOptions = {
  deliveredMs: milliseconds,
  failedMs: milliseconds,
  eventsMs: milliseconds,
  stagedMs: milliseconds,
  batch: integer(1, 1_000_000),
} satisfies OptionTable<RetentionOptions>;

/** How long a store keeps things by default. */
export const defaultRetention: Retention = {
  deliveredMs: 3 * day,
  failedMs: 14 * day,
  eventsMs: 14 * day,
  stagedMs: 15 * 60_000,
  batch: 1000,
};

/** Checks the retention given to `purge` and fills in the defaults. @throws {BrokerError} MB_BROKER_OPTION */
export function resolveRetention(given?: RetentionOptions): Retention {
  return {
    ...defaultRetention,
    ...(readOptions(given, retentionOptions, 'purge: retention') as Partial<Retention>),
  };
}

/** How much one call of `purge` deleted. */
export interface PurgeResult {
  readonly messages: number;
  readonly events: number;
  readonly staged: number;
  /** Finished messages whose octets were kept until now. */
  readonly contents: number;
  /** True when a batch was full, so that there may be more. */
  readonly more: boolean;
}
