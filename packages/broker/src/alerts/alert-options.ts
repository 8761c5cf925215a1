import type { Resolver } from '@mb/dns';
import { parseMailbox } from '@mb/mime';
import type { Clock } from '../clock.ts';
import { optionError } from '../errors.ts';
import {
  callback,
  either,
  flag,
  group,
  integer,
  list,
  matching,
  type OptionTable,
  readOptions,
  required,
  text,
  withMethods,
} from '../option-table.ts';
import { checkTarget, type WebhookTarget, webhookTargetOptions } from '../webhooks/webhook-target.ts';
import type { readDisks, WatchedKey } from './facts.ts';
import { type AlertName, type AlertThresholds, alertNames } from './rules.ts';

/** Mail about alerts. */
export interface AlertMail {
  /** Author and return path: an address in a domain that the broker signs for. */
  readonly from: string;
  /** One recipient or several. */
  readonly to: string | readonly string[];
}

/** Options of `Alerts`. */
export interface AlertOptions {
  /**
   * Rules with false are not watched. Default: all are. `key-unpublished`, `certificate-expiring` and `disk-full` need
   * `keys`, `certificates` and `disks`: true without them is refused.
   */
  readonly rules?: { readonly [Name in AlertName]?: boolean | undefined } | undefined;
  readonly thresholds?: AlertThresholds | undefined;
  /** Mail about each alert. Default: none. */
  readonly mail?: AlertMail | undefined;
  /**
   * A URL that is called for each alert, in addition to the webhooks in the store. The secret is not stored. A failed
   * call is repeated for a day. Default: none.
   */
  readonly webhook?: WebhookTarget | undefined;
  /**
   * Name of this process in alerts about its own state. Two processes with one name do not watch at the same time.
   * Default: the name of the machine.
   */
  readonly name?: string | undefined;
  /** Keys for `key-unpublished`, or a function that gives them. Default: none. */
  readonly keys?:
    | readonly WatchedKey[]
    | (() => readonly WatchedKey[] | Promise<readonly WatchedKey[]>)
    | undefined;
  /** Resolver for keys that come without `seen`. Default: they are not looked up. */
  readonly resolver?: Resolver | undefined;
  /** Files of certificates in PEM, for `certificate-expiring`. Default: none. */
  readonly certificates?: readonly string[] | undefined;
  /** Paths whose file systems `disk-full` watches. Default: none. */
  readonly disks?: readonly string[] | undefined;
  /** Time between two checks, in milliseconds. Default 60,000. */
  readonly everyMs?: number | undefined;
  /** Called with failures; the next check comes anyway. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
  /** For tests: the share of a file system that is free. */
  readonly readDisks?: typeof readDisks | undefined;
}

const share = matching<number>(
  'a number from 0 to 1',
  (value) => typeof value === 'number' && value >= 0 && value <= 1,
);
const address = text('an address such as "ops@example.com"', { pattern: /./s });
const path = text('the path of a file', { pattern: /./s });

/** What {@link AlertOptions} accepts. */
export const alertOptions = {
  rules: group<NonNullable<AlertOptions['rules']>>(
    Object.fromEntries(alertNames.map((name) => [name, flag()])) as unknown as OptionTable<
      NonNullable<AlertOptions['rules']>
    >,
  ),
  thresholds: group<AlertThresholds>({
    queueAgeMs: integer(1, 30 * 86_400_000, { unit: 'ms' }),
    bounceRate: share,
    blockedRate: share,
    throttledRate: share,
    certificateDays: integer(0, 3_650),
    freeDisk: share,
  }),
  mail: group<AlertMail>({
    from: required(address),
    to: required(either<string, readonly string[]>(address, list(address, 1))),
  }),
  webhook: group<WebhookTarget>(webhookTargetOptions),
  name: text('a text of 1 to 100 characters without controls', { pattern: /^[^\p{Cc}]{1,100}$/u }),
  keys: matching<NonNullable<AlertOptions['keys']>>(
    'an array of keys, or a function that gives it',
    (value) => Array.isArray(value) || typeof value === 'function',
  ),
  resolver: withMethods<Resolver>('query'),
  certificates: list(path),
  disks: list(path),
  everyMs: integer(100, 3_600_000, { default: 60_000, unit: 'ms' }),
  onError: callback<(error: unknown) => void>(),
  clock: withMethods<Clock>('now', 'setTimer'),
  readDisks: callback<typeof readDisks>(),
} satisfies OptionTable<AlertOptions>;

/** What rules about things need to know. */
const subjects = {
  'key-unpublished': 'keys',
  'certificate-expiring': 'certificates',
  'disk-full': 'disks',
} as const satisfies Partial<Record<AlertName, keyof AlertOptions>>;

const hasNone = (given: unknown) => given === undefined || (Array.isArray(given) && given.length === 0);

/** Options of alerts, checked. */
export type AlertSettings = ReturnType<typeof readAlertOptions>;

/** @throws {BrokerError} MB_BROKER_OPTION, also for addresses, URLs and secrets that could not be used later. */
export function readAlertOptions(given: AlertOptions, where: string) {
  const read = readOptions<AlertOptions, typeof alertOptions>(given, alertOptions, where);
  const { rules = {}, mail, webhook } = read;
  const watched = alertNames.filter((name) => rules[name] !== false);
  if (watched.length === 0) throw optionError(`${where}.rules must leave one rule that is not false.`);
  for (const [rule, option] of Object.entries(subjects)) {
    // Without a word about the rule, there may be nothing for it to watch.
    if (rules[rule as AlertName] === true && hasNone(read[option])) {
      throw optionError(
        `${where}.rules.${rule} is true, but there is nothing for it to watch: give ${option}, or leave the rule out.`,
      );
    }
  }
  if (mail) {
    checkAddress(mail.from, `${where}.mail.from`);
    for (const to of recipientsOf(mail)) checkAddress(to, `${where}.mail.to`);
  }
  if (webhook) checkTarget(webhook, `${where}.webhook`);
  return { ...read, watched };
}

/** The recipients of mail about alerts. */
export function recipientsOf({ to }: AlertMail): readonly string[] {
  return typeof to === 'string' ? [to] : to;
}

function checkAddress(given: string, where: string): void {
  try {
    parseMailbox(given);
  } catch (cause) {
    throw optionError(`${where} must be an address such as "ops@example.com": ${(cause as Error).message}`);
  }
}
