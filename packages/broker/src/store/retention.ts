import { integer, type OptionTable, readOptions } from '../option-table.ts';

const day = 86_400_000;

/** How long things are kept, in milliseconds. */
export interface Retention {
  /** Records of messages whose recipients were all delivered; default 3 days. Their idempotency keys live as long. */
  readonly deliveredMs: number;
  /** Records of messages with a recipient that failed, expired or was cancelled; default 14 days. */
  readonly failedMs: number;
  /** The event log; default 14 days. */
  readonly eventsMs: number;
  /** Staged content that neither grows nor is accepted; default 15 minutes. */
  readonly stagedMs: number;
  /** Most rows of each kind in one call; default 1,000. */
  readonly batch: number;
}

/** What may be given of it. */
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

/** What a store keeps, and for how long, where the caller says nothing. */
export const defaultRetention: Retention = {
  deliveredMs: 3 * day,
  failedMs: 14 * day,
  eventsMs: 14 * day,
  stagedMs: 15 * 60_000,
  batch: 1000,
};

/** Checks what `purge` is given and fills in the defaults. @throws {BrokerError} MB_BROKER_OPTION */
export function resolveRetention(given?: RetentionOptions): Retention {
  return {
    ...defaultRetention,
    ...(readOptions(given, retentionOptions, 'purge: retention') as Partial<Retention>),
  };
}

/** What one call of `purge` deleted. */
export interface PurgeResult {
  readonly messages: number;
  readonly events: number;
  readonly staged: number;
  /** Messages that ended before and whose octets were kept until now. */
  readonly contents: number;
  /** True when a batch was full, so that there may be more. */
  readonly more: boolean;
}
