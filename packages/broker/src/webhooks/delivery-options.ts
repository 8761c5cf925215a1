import { type KeyWrapping, keyWrappingOptions } from '../encryption/key-wrapping.ts';
import { group, integer, list, type OptionTable, text } from '../option-table.ts';
import { type RetrySchedule, type ScheduleOptions, scheduleOptions } from '../store/backoff.ts';

/** How endpoints are called. */
export interface WebhookDeliveryOptions {
  /**
   * CIDR blocks that may be called although they are not public. Default none. Danger: users who may add webhooks can
   * then make this machine call services there.
   */
  readonly allowAddresses?: readonly string[] | undefined;
  /** Time for one call, in milliseconds. Default 15,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * Calls of one endpoint at once. Default 32; half of them are for events that were not tried before. Calls that take
   * four times longer than usual, and at least 200 ms, do not count, up to four times as many: they delay no others.
   */
  readonly concurrency?: number | undefined;
  /** How long an event is tried again, in milliseconds. Default one day. */
  readonly retryForMs?: number | undefined;
  /** Overrides of the retry schedule: 5 seconds, doubling to 1 hour, ±20 %. */
  readonly schedule?: ScheduleOptions | undefined;
  /**
   * Time after which another process takes over the endpoints of a process that has died, in milliseconds. Default
   * 15,000.
   */
  readonly leaseMs?: number | undefined;
  /** Certificates to trust instead of the system's, in PEM. */
  readonly ca?: string | undefined;
  /**
   * Encrypts the secrets of webhooks in the store; `createMasterKeyWrapping` of `@mb/broker/encryption` makes it of a
   * master key. Default: none. Danger: without it, a program that reads the store or a backup of it can sign as this
   * service.
   */
  readonly wrapping?: KeyWrapping | undefined;
}

/** What {@link WebhookDeliveryOptions} accepts. */
export const webhookDeliveryOptions = {
  allowAddresses: list(text('a CIDR block such as "192.0.2.0/24"', { pattern: /./s })),
  timeoutMs: integer(1, 300_000, { default: 15_000, unit: 'ms' }),
  concurrency: integer(2, 1_000, { default: 32 }),
  retryForMs: integer(0, 30 * 86_400_000, { default: 86_400_000, unit: 'ms' }),
  schedule: group<ScheduleOptions>(scheduleOptions),
  leaseMs: integer(100, 3_600_000, { default: 15_000, unit: 'ms' }),
  ca: text('certificates in PEM', { pattern: /./s }),
  wrapping: group<KeyWrapping>(keyWrappingOptions),
} satisfies OptionTable<WebhookDeliveryOptions>;

/** Five seconds, doubled from attempt to attempt up to an hour, give or take a fifth: about thirty attempts a day. */
export const webhookSchedule: RetrySchedule = { firstMs: 5_000, factor: 2, maxMs: 3_600_000, jitter: 0.2 };
