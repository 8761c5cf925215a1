import { type OutcomeDetail, readOutcomeDetail } from '../delivery/outcome.ts';

/** The latest attempt at a host, and when it was made. */
export type LastAttempt = OutcomeDetail & Required<Pick<OutcomeDetail, 'attemptedAt'>>;

/**
 * Reads the latest attempt from the detail of a recipient's latest outcome: that outcome itself, or its `lastAttempt`
 * when trouble of our own has prevented attempts since.
 */
export function readLastAttempt(detail: object | undefined): LastAttempt | undefined {
  const given = readOutcomeDetail(detail);
  const { attemptedAt, lastAttempt } = given;
  if (typeof attemptedAt === 'number') {
    // The event of that attempt has its transcript.
    const { transcript: _, ...rest } = given;
    return { ...rest, attemptedAt };
  }
  return typeof lastAttempt === 'object' && lastAttempt !== null ? readLastAttempt(lastAttempt) : undefined;
}
