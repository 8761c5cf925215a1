import type { EnqueueOptions } from './enqueue-options.ts';

/**
 * Options of `enqueue()` for mail that a user waits for: password resets, sign-in codes, receipts.
 *
 * It goes before the tenant's other mail to the same destination, is given up after an hour, and is reported as an event
 * only, never by mail: the address that it is sent from need not receive.
 *
 * @example
 * await broker.enqueue(message, transactional);
 * await broker.enqueue(message, { ...transactional, idempotencyKey: 'reset-17' });
 */
export const transactional = Object.freeze({
  priority: 'high',
  delivery: Object.freeze({
    expireAfterMs: 3_600_000,
    delayNoticeAfterMs: null,
    // RFC 3461 §4.1: NEVER also asks other hosts for no report.
    notify: 'never',
  }),
} satisfies EnqueueOptions);
