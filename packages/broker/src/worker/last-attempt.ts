import type { RecipientOutcome } from '../delivery/outcome.ts';

/** What the queue keeps of the latest attempt at a host: the outcome as JSON, and when it came. */
export type LastAttempt = Partial<RecipientOutcome> & {
  /** Epoch milliseconds. */
  readonly attemptedAt: number;
};

/**
 * The latest real attempt that the detail of a recipient's latest outcome tells of: that outcome, or the one before
 * trouble of our own kept further attempts from being made.
 */
export function readLastAttempt(detail: object | undefined): LastAttempt | undefined {
  const given = (detail ?? {}) as { readonly attemptedAt?: unknown; readonly lastAttempt?: object };
  if (typeof given.attemptedAt === 'number') return given as LastAttempt;
  return typeof given.lastAttempt === 'object' && given.lastAttempt !== null
    ? readLastAttempt(given.lastAttempt)
    : undefined;
}
