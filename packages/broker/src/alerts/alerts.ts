import { hostname as machineName } from 'node:os';
import type { Resolver } from '@mb/dns';
import type { MailBroker } from '../broker.ts';
import { type Clock, systemClock } from '../clock.ts';
import { optionError } from '../errors.ts';
import {
  callback,
  group,
  integer,
  list,
  matching,
  type OptionTable,
  readOptions,
  text,
  withMethods,
  word,
} from '../option-table.ts';
import { warn } from '../process-warning.ts';
import { isRecordConflict } from '../store/records.ts';
import { ProviderNames } from '../telemetry/provider.ts';
import { sleep } from '../wait.ts';
import { findUnpublished, readCertificates, readDisks, type WatchedKey } from './facts.ts';
import { RateWindow } from './rate-window.ts';
import {
  type AlertFacts,
  type AlertName,
  type AlertThresholds,
  alertNames,
  defaultThresholds,
  rules,
} from './rules.ts';

/** Options of {@link startAlerts}. */
export interface AlertOptions {
  /** Rules that are watched. Default all. */
  readonly rules?: readonly AlertName[] | undefined;
  readonly thresholds?: AlertThresholds | undefined;
  /** Mail about each alert. Default none; webhooks are told anyway. */
  readonly mail?: { readonly from: string; readonly to: string } | undefined;
  /** Names what only this process can see in its alerts. Default the name of the machine. */
  readonly name?: string | undefined;
  /** Keys for `key-unpublished`, or a function that gives them. Default none. */
  readonly keys?:
    | readonly WatchedKey[]
    | (() => readonly WatchedKey[] | Promise<readonly WatchedKey[]>)
    | undefined;
  /** Where the keys are looked up; without it `key-unpublished` never fires. */
  readonly resolver?: Resolver | undefined;
  /** Files of certificates, PEM, for `certificate-expiring`. Default none. */
  readonly certificates?: readonly string[] | undefined;
  /** Paths whose file systems `disk-full` watches. Default none. */
  readonly disks?: readonly string[] | undefined;
  /** Time between two looks, in milliseconds. Default 60,000. */
  readonly everyMs?: number | undefined;
  /** Called with failures; the next check comes anyway. Default a process warning. */
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
const name = text('a text of 1 to 100 characters without controls', { pattern: /^[^\p{Cc}]{1,100}$/u });

/** What {@link AlertOptions} accepts. */
export const alertOptions = {
  rules: list<AlertName>(word(alertNames), 1),
  thresholds: group<AlertThresholds>({
    queueAgeMs: integer(1, 30 * 86_400_000, { unit: 'ms' }),
    bounceRate: share,
    blockedRate: share,
    throttledRate: share,
    certificateDays: integer(0, 3_650),
    freeDisk: share,
  }),
  mail: matching<{ readonly from: string; readonly to: string }>(
    'an object with from and to',
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      Object.keys(value).sort().join() === 'from,to' &&
      Object.values(value).every((one) => typeof one === 'string' && one !== ''),
  ),
  name,
  keys: matching<NonNullable<AlertOptions['keys']>>(
    'an array of keys, or a function that gives it',
    (value) => Array.isArray(value) || typeof value === 'function',
  ),
  resolver: withMethods<Resolver>('query'),
  certificates: list(text('the path of a file', { pattern: /./s })),
  disks: list(text('a path', { pattern: /./s })),
  everyMs: integer(100, 3_600_000, { default: 60_000, unit: 'ms' }),
  onError: callback<(error: unknown) => void>(),
  clock: withMethods<Clock>('now', 'setTimer'),
  readDisks: callback<typeof readDisks>(),
} satisfies OptionTable<AlertOptions>;

/** What {@link startAlerts} uses of a broker. */
export type WatchedBroker = Pick<MailBroker, 'observe' | 'health' | 'records' | 'enqueue' | 'webhooks'>;

/** An alert as its record has it. */
interface AlertState {
  readonly firing: boolean;
  /** Epoch milliseconds of the change. */
  readonly since: number;
  readonly detail: string;
  /** Whether webhooks and mail were notified of the change. */
  readonly told: boolean;
}

/** A running watch. */
export interface AlertWatch {
  /** Looks at all rules now. */
  look(): Promise<void>;
  /** Ends the watch, after the look under way. */
  stop(): Promise<void>;
}

const collection = 'alert';
/** Rules about the whole queue; the others are about this process. */
const ofQueue: ReadonlySet<AlertName> = new Set(['queue-age']);

/**
 * Watches a broker and tells webhooks (`alert-fired`, `alert-recovered`) and an address of what is wrong. An alert is told
 * of once when it fires and once when it recovers: its state is in the records of the store, so that a restart changes
 * nothing and several processes tell of an alert about the queue once.
 *
 * @throws {BrokerError} MB_BROKER_OPTION
 * @example
 * const alerts = startAlerts(broker, { mail: { from: 'alerts@example.com', to: 'ops@example.com' }, disks: ['/var/lib/mb'] });
 */
export function startAlerts(broker: WatchedBroker, options: AlertOptions = {}): AlertWatch {
  if (typeof broker !== 'object' || broker === null || typeof broker.observe !== 'function') {
    throw optionError('startAlerts: broker must be a MailBroker.');
  }
  const read = readOptions<AlertOptions, typeof alertOptions>(options, alertOptions, 'startAlerts: options');
  const watch = new AlertLoop(broker, read);
  return { look: () => watch.look(), stop: () => watch.stop() };
}

type Settings = ReturnType<typeof readOptions<AlertOptions, typeof alertOptions>>;

class AlertLoop {
  readonly #broker: WatchedBroker;
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #rates: RateWindow;
  readonly #end = new AbortController();
  readonly #endObserving: () => void;
  readonly #running: Promise<void>;

  constructor(broker: WatchedBroker, settings: Settings) {
    this.#broker = broker;
    this.#settings = settings;
    this.#clock = settings.clock ?? systemClock;
    this.#rates = new RateWindow(() => this.#clock.now());
    const providers = new ProviderNames(100);
    this.#endObserving = broker.observe(
      (seen) => {
        if (seen.type === 'attempt') this.#rates.add(seen, (host) => providers.nameOf(host));
      },
      { types: ['attempt'] },
    );
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#end.abort();
    this.#endObserving();
    await this.#running;
  }

  /** Looks at all rules. Several calls at once are harmless: the condition on the record lets one of them tell. */
  async look(): Promise<void> {
    const facts = await this.#facts();
    const thresholds = { ...defaultThresholds, ...this.#settings.thresholds } as typeof defaultThresholds;
    for (const rule of this.#settings.rules ?? alertNames) {
      await this.#apply(rule, rules[rule](facts, thresholds), facts.now);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      await sleep(this.#settings.everyMs, this.#clock, signal);
      if (!signal.aborted) await this.look().catch((error: unknown) => this.#report(error));
    }
  }

  async #facts(): Promise<AlertFacts> {
    const { keys = [], resolver, certificates = [], disks = [] } = this.#settings;
    const watched = typeof keys === 'function' ? await keys() : keys;
    return {
      now: this.#clock.now(),
      health: await this.#broker.health(),
      rates: this.#rates,
      unpublishedKeys: resolver ? await findUnpublished(watched, resolver) : [],
      certificates: await readCertificates(certificates),
      disks: await (this.#settings.readDisks ?? readDisks)(disks),
    };
  }

  /** Moves an alert to what holds now, and tells of the change. */
  async #apply(rule: AlertName, detail: string | undefined, now: number): Promise<void> {
    const { records } = this.#broker;
    const key = ofQueue.has(rule) ? rule : `${rule}/${this.#name}`;
    const row = await records.get(collection, key);
    const known = row?.value as AlertState | undefined;
    const firing = detail !== undefined;
    try {
      if ((known?.firing ?? false) === firing) {
        // A change that was written down before a crash, and not reported.
        if (known && !known.told) await this.#tell(rule, key, known, row!.version);
        return;
      }
      const next: AlertState = { firing, since: now, detail: detail ?? known!.detail, told: false };
      const { version } = await records.put(collection, key, next, { ifVersion: row?.version ?? 0 });
      await this.#tell(rule, key, next, version);
    } catch (error) {
      // Another process was faster, and reports it.
      if (!isRecordConflict(error)) throw error;
    }
  }

  async #tell(rule: AlertName, key: string, state: AlertState, ifVersion: number): Promise<void> {
    const { records, webhooks } = this.#broker;
    const { firing, since, detail } = state;
    const type = firing ? 'alert-fired' : 'alert-recovered';
    const data = { alert: rule, ...(ofQueue.has(rule) ? {} : { name: this.#name }), detail };
    // Both can be repeated: the event has the same id, the message the same key.
    await webhooks.publish({ type, at: since, key: [key, type], data });
    await this.#mail(rule, key, state);
    await records.put(collection, key, { ...state, told: true }, { ifVersion });
  }

  async #mail(rule: AlertName, key: string, { firing, since, detail }: AlertState): Promise<void> {
    const { mail } = this.#settings;
    if (!mail) return;
    const state = firing ? 'fired' : 'recovered';
    const where = ofQueue.has(rule) ? '' : ` on ${this.#name}`;
    await this.#broker.enqueue(
      {
        from: mail.from,
        to: mail.to,
        subject: `Alert ${state}: ${rule}${where}`,
        text: `${firing ? '' : 'No longer true: '}${detail}\n\nSince ${new Date(since).toISOString()}.\n`,
        headers: { 'Auto-Submitted': 'auto-generated' },
      },
      { idempotencyKey: `alert ${key} ${state} ${since}`, priority: 'high' },
    );
  }

  #report(error: unknown): void {
    const { onError = warn } = this.#settings;
    onError(error);
  }

  get #name(): string {
    return this.#settings.name ?? machineName();
  }
}
