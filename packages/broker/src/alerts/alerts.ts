// Long because of the docstrings of the methods.
import { randomUUID } from 'node:crypto';
import { hostname as machineName } from 'node:os';
import type { MailBroker } from '../broker.ts';
import { type Clock, systemClock } from '../clock.ts';
import { optionError } from '../errors.ts';
import { warn } from '../process-warning.ts';
import { isRecordConflict } from '../store/records.ts';
import { ProviderNames } from '../telemetry/provider.ts';
import { sleep } from '../wait.ts';
import type { WebhookAttempt } from '../webhooks/attempt.ts';
import { type AlertOptions, type AlertSettings, readAlertOptions, recipientsOf } from './alert-options.ts';
import {
  type Alert,
  type AlertChannel,
  type AlertNotice,
  type AlertState,
  alertCollection,
  alertKey,
  alertsOf,
  claimWatch,
  isWatching,
  listAlerts,
  releaseWatch,
  subjectOf,
} from './alert-state.ts';
import { lookUpKeys, readCertificates, readDisks } from './facts.ts';
import { RateWindow } from './rate-window.ts';
import {
  type AlertFacts,
  type AlertName,
  defaultThresholds,
  rules,
  type Verdict,
  type Verdicts,
} from './rules.ts';

/** What {@link Alerts} uses of a broker. */
export type WatchedBroker = Pick<MailBroker, 'observe' | 'health' | 'records' | 'enqueue' | 'webhooks'>;

/** Who was notified of a test. */
export interface AlertTest {
  /** How many webhooks in the store will be called. */
  readonly webhooks: number;
  /** Result of the call of the webhook of the options; absent without one. */
  readonly webhook?: WebhookAttempt;
  /** The queue's id of the mail; absent without mail in the options. */
  readonly messageId?: string;
}

/** An alert as it is sent. */
interface Told extends Omit<AlertNotice, 'to'> {
  readonly alert: AlertName | 'test';
  /** Names it in the store. */
  readonly key: string;
  /** The process, or the key, that it is about. */
  readonly subject: string | undefined;
}

/** Time for which calls of the webhook of the options are repeated, in milliseconds. */
const retryForMs = 86_400_000;
/** Most changes of one alert that wait to be sent; older ones are dropped. */
const mostNotices = 10;

/**
 * Watches a broker and notifies webhooks (`alert-fired`, `alert-recovered`) and addresses of problems. Each alert is
 * sent once when it fires and once when it recovers; one about several things, such as disks, is sent again when it comes
 * to hold for another one. Its state is in the records of the store, so that a restart does
 * not repeat it and of several processes one sends an alert about the queue. A fact that cannot be determined changes
 * no alert.
 *
 * @example
 * const alerts = new Alerts(broker, { mail: { from: 'alerts@example.com', to: 'ops@example.com' }, disks: ['/var/lib/mb'] });
 * alerts.start();
 */
export class Alerts {
  #broker: WatchedBroker;
  #settings: AlertSettings;
  readonly #clock: Clock;
  readonly #owner = randomUUID();
  readonly #providers = new ProviderNames(100);
  /** Begins to count with the watch. */
  #rates: RateWindow;
  #endObserving = () => {};
  #end: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The check that is under way. */
  #turn: Promise<void> = Promise.resolve();
  /** The last failure of each kind, so that one that stays is reported once. */
  #reported = new Set<string>();

  /** @throws {BrokerError} MB_BROKER_OPTION */
  constructor(broker: WatchedBroker, options: AlertOptions = {}) {
    this.#broker = checkBroker(broker);
    this.#settings = readAlertOptions(options, 'Alerts: options');
    this.#clock = this.#settings.clock ?? systemClock;
    this.#rates = new RateWindow(() => this.#clock.now());
  }

  /** Begins to watch: a check now and one at every interval. */
  start(): void {
    if (this.#end) return;
    this.#end = new AbortController();
    this.#rates = new RateWindow(() => this.#clock.now());
    this.#observe();
    this.#running = this.#run(this.#end.signal);
  }

  /** Ends the watch, after the check under way. */
  async stop(): Promise<void> {
    if (!this.#end) return;
    this.#end.abort();
    this.#end = undefined;
    this.#endObserving();
    await this.#running;
    await releaseWatch(this.#broker.records, this.#name, this.#owner).catch((error: unknown) => {
      if (!isRecordConflict(error)) this.#report(error);
    });
  }

  /** As {@link Alerts.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Continues with another broker on the same store and with other options, as after a reload. Counts are kept. The
   * clock and the name cannot be changed.
   *
   * @throws {BrokerError} MB_BROKER_OPTION; then nothing is changed.
   */
  replace(broker: WatchedBroker, options: AlertOptions = {}): void {
    checkBroker(broker);
    const { clock, name } = this.#settings;
    this.#settings = readAlertOptions({ ...options, clock, name }, 'Alerts.replace: options');
    this.#broker = broker;
    if (!this.#end) return;
    this.#endObserving();
    this.#observe();
  }

  /** All rules that are watched on the store, by this process and by others, with their state. */
  list(): Promise<readonly Alert[]> {
    return listAlerts(this.#broker.records);
  }

  /**
   * Sends an alert that is named `test` to all recipients of alerts, as `alert-fired`; nothing is watched or stored.
   *
   * @returns who was notified: no recipient without webhooks that take alerts, `webhook` and `mail`.
   */
  async test(): Promise<AlertTest> {
    const { webhook, mail } = this.#settings;
    const told: Told = {
      alert: 'test',
      key: `test/${this.#name}/${randomUUID()}`,
      subject: this.#name,
      firing: true,
      at: this.#clock.now(),
      detail: 'This is a test; nothing is wrong.',
    };
    const webhooks = await this.#broker.webhooks.publish(eventOf(told));
    const attempt = webhook && (await this.#broker.webhooks.call(webhook, eventOf(told)));
    const messageId = mail && (await this.#mail(told));
    return {
      webhooks,
      ...(attempt && { webhook: attempt }),
      ...(messageId !== undefined && { messageId }),
    };
  }

  /** Checks all rules now, after a check that is under way. */
  check(): Promise<void> {
    const turn = this.#turn.then(() => this.#checkAll());
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #checkAll(): Promise<void> {
    const { watched, everyMs, thresholds: given } = this.#settings;
    const { records } = this.#broker;
    const facts = await this.#facts();
    const watch = { owner: this.#owner, rules: watched, everyMs, checkedAt: facts.now };
    if (!(await claimWatch(records, this.#name, watch))) {
      const text = `Another process watches as ${JSON.stringify(this.#name)}; give this one a name of its own to have it watched too.`;
      this.#reportOnce([new Error(text)]);
      return;
    }
    this.#reportOnce([facts.keys, facts.certificates, facts.disks].flatMap(({ failures }) => failures));
    const thresholds = { ...defaultThresholds, ...given } as typeof defaultThresholds;
    const ends = await Promise.allSettled(
      watched.map((rule) => {
        const verdict = rules[rule](facts, thresholds);
        return typeof verdict === 'object' && 'get' in verdict
          ? this.#applyEach(rule, verdict, facts.now)
          : this.#apply(rule, subjectOf(rule, this.#name), verdict, facts.now);
      }),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.check().catch((error: unknown) => this.#report(error));
      await sleep(this.#settings.everyMs, this.#clock, signal);
    }
  }

  #observe(): void {
    this.#endObserving = this.#broker.observe(
      (seen) => {
        if (seen.type === 'attempt') this.#rates.add(seen, (host) => this.#providers.nameOf(host));
      },
      { types: ['attempt'] },
    );
  }

  async #facts(): Promise<AlertFacts> {
    const { keys = [], resolver, certificates = [], disks = [] } = this.#settings;
    const watched = typeof keys === 'function' ? await keys() : keys;
    return {
      now: this.#clock.now(),
      health: await this.#broker.health(),
      rates: this.#rates,
      keys: await lookUpKeys(watched, resolver),
      certificates: await readCertificates(certificates),
      disks: await (this.#settings.readDisks ?? readDisks)(disks),
    };
  }

  /**
   * Updates the alerts of a rule that has several, one for each key. Processes may differ in what they see, as their
   * resolvers do: the one that saw an alert fire decides when it recovers; another one does only when that process no
   * longer watches.
   */
  async #applyEach(rule: AlertName, verdicts: Verdicts, now: number): Promise<void> {
    const { records } = this.#broker;
    const known = await alertsOf(records, rule);
    const isOurs = async ({ by }: AlertState) =>
      by === undefined || by === this.#name || !(await isWatching(records, by, now));
    for (const [subject, verdict] of verdicts) {
      const state = known.get(subject);
      if (!state && !verdict) continue;
      const isLeft = verdict === false && state?.firing && !(await isOurs(state));
      await this.#apply(rule, subject, isLeft ? undefined : verdict, now);
    }
    // What this process no longer watches is no longer wrong.
    for (const [subject, state] of known) {
      if (!verdicts.has(subject) && state.by === this.#name) await this.#apply(rule, subject, false, now);
    }
  }

  /** Updates the state of an alert, and sends the change and earlier ones that were not sent. */
  async #apply(rule: AlertName, subject: string | undefined, verdict: Verdict, now: number): Promise<void> {
    const { records } = this.#broker;
    const key = alertKey(rule, subject);
    const row = await records.get(alertCollection, key);
    const known = row?.value as AlertState | undefined;
    const wasFiring = known?.firing ?? false;
    const firing = verdict === undefined ? wasFiring : verdict !== false;
    const waiting = known?.notices ?? [];
    const isTold = waiting.length === 0 || now < (known?.noticesAt ?? 0) + this.#settings.everyMs;
    const { items: toldItems = [] } = wasFiring ? known! : {};
    const items = typeof verdict === 'object' ? verdict.items : [];
    // Of several disks, say, a second one that fills is news.
    const isNews = firing !== wasFiring || !items.every((item) => toldItems.includes(item));
    if (!isNews && isTold) return;
    const detail = verdict ? detailOf(verdict) : (known?.detail ?? '');
    const notice: AlertNotice = { firing, at: now, detail, to: this.#channels() };
    const next: AlertState = isNews
      ? {
          firing,
          since: now,
          detail,
          notices: [...waiting, notice].slice(-mostNotices),
          noticesAt: now,
          by: this.#name,
          ...(firing && items.length > 0 && { items: [...new Set([...toldItems, ...items])] }),
        }
      : { ...known!, noticesAt: now };
    try {
      const { version } = await records.put(alertCollection, key, next, { ifVersion: row?.version ?? 0 });
      const notices = await this.#tellAll(rule, key, subject, next.notices);
      const { noticesAt: _, ...rest } = next;
      // Things come and go, and an alert about one is kept until it has recovered.
      if (!next.firing && notices.length === 0 && subject !== subjectOf(rule, this.#name)) {
        await records.delete(alertCollection, key, { ifVersion: version });
        return;
      }
      const left = { ...rest, notices, ...(notices.length > 0 && { noticesAt: now }) };
      await records.put(alertCollection, key, left, { ifVersion: version });
    } catch (error) {
      // Another process was faster, and sends it.
      if (!isRecordConflict(error)) throw error;
    }
  }

  #channels(): AlertChannel[] {
    const { webhook, mail } = this.#settings;
    return ['webhooks', ...(webhook ? (['webhook'] as const) : []), ...(mail ? (['mail'] as const) : [])];
  }

  /**
   * Sends pending changes in order; returns those that are still pending. A channel that has failed gets no later
   * change.
   */
  async #tellAll(
    alert: AlertName,
    key: string,
    subject: string | undefined,
    notices: readonly AlertNotice[],
  ): Promise<AlertNotice[]> {
    const failed = new Set<AlertChannel>();
    const left: AlertNotice[] = [];
    for (const { to, ...notice } of notices) {
      const rest: AlertChannel[] = [];
      for (const channel of to) {
        const isDone =
          !failed.has(channel) && (await this.#tell(channel, { ...notice, alert, key, subject }));
        if (isDone) continue;
        failed.add(channel);
        rest.push(channel);
      }
      if (rest.length > 0) left.push({ ...notice, to: rest });
    }
    return left;
  }

  /**
   * Whether a channel got the change, or never will. A call may be repeated: the event keeps its id, the message its
   * key.
   */
  async #tell(channel: AlertChannel, told: Told): Promise<boolean> {
    try {
      if (channel === 'webhooks') await this.#broker.webhooks.publish(eventOf(told));
      if (channel === 'mail') await this.#mail(told);
      return channel !== 'webhook' || (await this.#call(told));
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  async #call(told: Told): Promise<boolean> {
    const { webhook } = this.#settings;
    if (!webhook) return true;
    const { succeeded, error } = await this.#broker.webhooks.call(webhook, eventOf(told));
    if (succeeded) return true;
    const isLast = this.#clock.now() - told.at >= retryForMs;
    this.#report(
      new Error(
        `The webhook of alerts was not notified of ${told.key}: ${error} ${isLast ? 'It is given up.' : 'It will be called again.'}`,
      ),
    );
    return isLast;
  }

  /** Queues mail about an alert; returns the id of the message. */
  async #mail({ alert, key, subject, firing, at, detail }: Told): Promise<string | undefined> {
    const { mail } = this.#settings;
    if (!mail) return undefined;
    const state = firing ? 'fired' : 'recovered';
    const where = subject === undefined ? '' : `${alert === 'key-unpublished' ? ':' : ' on'} ${subject}`;
    const { id } = await this.#broker.enqueue(
      {
        from: mail.from,
        to: recipientsOf(mail),
        subject: `Alert ${state}: ${alert}${where}`,
        text: `${firing ? '' : 'No longer true: '}${detail}\n\nSince ${new Date(at).toISOString()}.\n`,
        // RFC 3834 §5.
        headers: { 'Auto-Submitted': 'auto-generated' },
      },
      { idempotencyKey: `alert ${key} ${state} ${at}`, priority: 'high' },
    );
    return id;
  }

  /** Reports failures that are new since the last check. */
  #reportOnce(failures: readonly Error[]): void {
    for (const error of failures) if (!this.#reported.has(error.message)) this.#report(error);
    this.#reported = new Set(failures.map(({ message }) => message));
  }

  #report(error: unknown): void {
    const { onError = warn } = this.#settings;
    onError(error);
  }

  get #name(): string {
    return this.#settings.name ?? machineName();
  }
}

function detailOf(verdict: Exclude<Verdict, false | undefined>): string {
  return typeof verdict === 'string' ? verdict : verdict.detail;
}

function eventOf({ alert, key, subject, firing, at, detail }: Told) {
  const type = firing ? 'alert-fired' : 'alert-recovered';
  const data = { alert, ...(subject !== undefined && { name: subject }), detail };
  return { type, at, key: [key, type], data } as const;
}

function checkBroker(broker: WatchedBroker): WatchedBroker {
  if (typeof broker === 'object' && broker !== null && typeof broker.observe === 'function') return broker;
  throw optionError('Alerts: broker must be a MailBroker.');
}
