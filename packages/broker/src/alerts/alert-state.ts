import { everyRow } from '../store/page.ts';
import { isRecordConflict, type Records } from '../store/records.ts';
import { type AlertName, alertNames } from './rules.ts';

/** A rule, and whether it holds. */
export interface Alert {
  readonly alert: AlertName;
  /** The process that it is about, or the key for `key-unpublished`; absent for the queue as a whole. */
  readonly name?: string;
  readonly firing: boolean;
  /** When it fired or recovered last, in epoch milliseconds; absent when it never has. */
  readonly since?: number;
  /** What was wrong when it fired, a sentence. */
  readonly detail?: string;
  /** When it was checked last, in epoch milliseconds; absent when it is not watched. */
  readonly checkedAt?: number;
}

/** Where an alert goes: the webhooks in the store, the webhook of the options, and the mail of the options. */
export type AlertChannel = 'webhooks' | 'webhook' | 'mail';

/** A change of an alert that some recipients were not notified of. */
export interface AlertNotice {
  readonly firing: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly detail: string;
  readonly to: readonly AlertChannel[];
}

/** An alert as its record has it. */
export interface AlertState {
  readonly firing: boolean;
  /** Epoch milliseconds of the change. */
  readonly since: number;
  readonly detail: string;
  /** Changes that are still to be sent, the oldest first. */
  readonly notices: readonly AlertNotice[];
  /** When a process began to send it, in epoch milliseconds: other processes do not send it for a while. */
  readonly noticesAt?: number;
  /** The process that saw it fire. */
  readonly by?: string;
  /** Things that it was sent for since it last recovered, where it is about several. */
  readonly items?: readonly string[];
}

/** A process that watches, as its record has it. */
interface WatchState {
  /** The watch that checks under this name; absent once it has stopped. */
  readonly owner?: string;
  readonly rules: readonly AlertName[];
  readonly everyMs: number;
  readonly checkedAt: number;
}

/** The collection of alerts; the key is the rule, with the process where it is about one. */
export const alertCollection = 'alert';
/** Who watches; the key is the name of the process. */
const watchCollection = 'alert-watch';
/** Rules that all processes share: about the queue, or about keys. The others are about one process. */
const shared: ReadonlySet<AlertName> = new Set(['queue-age', 'key-unpublished']);

/** The process that an alert is about; undefined where all processes share it. */
export function subjectOf(alert: AlertName, name: string): string | undefined {
  return shared.has(alert) ? undefined : name;
}

/** The key of an alert's record. */
export function alertKey(alert: AlertName, subject: string | undefined): string {
  return subject === undefined ? alert : `${alert}/${subject}`;
}

/**
 * All rules that are watched on a store, and those that were: in the order of the rules, then of the processes.
 *
 * @example
 * const firing = (await listAlerts(broker.records)).filter(({ firing }) => firing);
 */
export async function listAlerts(records: Records): Promise<readonly Alert[]> {
  const alerts = new Map<string, Alert>();
  for await (const { key, value } of everyRow((page) => records.list(watchCollection, page))) {
    const { rules, checkedAt, owner } = value as WatchState;
    for (const alert of rules) {
      const subject = subjectOf(alert, key);
      const id = alertKey(alert, subject);
      const before = alerts.get(id)?.checkedAt ?? 0;
      alerts.set(id, {
        alert,
        ...(subject !== undefined && { name: subject }),
        firing: false,
        ...((owner !== undefined || before > 0) && {
          checkedAt: Math.max(before, owner === undefined ? 0 : checkedAt),
        }),
      });
    }
  }
  const watched = new Map(alerts);
  for await (const { key, value } of everyRow((page) => records.list(alertCollection, page))) {
    const { firing, since, detail } = value as AlertState;
    const [alert, name] = splitKey(key);
    // An alert about a key was checked when its rule was.
    const checkedAt = (alerts.get(key) ?? watched.get(alert))?.checkedAt;
    if (name !== undefined) alerts.delete(alert);
    alerts.set(key, {
      alert,
      ...(name !== undefined && { name }),
      ...(checkedAt !== undefined && { checkedAt }),
      firing,
      since,
      detail,
    });
  }
  const place = ({ alert }: Alert) => alertNames.indexOf(alert);
  return [...alerts.values()].sort(
    (one, other) => place(one) - place(other) || (one.name ?? '').localeCompare(other.name ?? ''),
  );
}

function splitKey(key: string): [alert: AlertName, name: string | undefined] {
  const slash = key.indexOf('/');
  return slash < 0 ? [key as AlertName, undefined] : [key.slice(0, slash) as AlertName, key.slice(slash + 1)];
}

/** A watch that has not written for this many intervals has died. */
const deadAfter = 3;

/**
 * Registers a watch under a name.
 *
 * @returns false when another watch does so, and is alive.
 */
export async function claimWatch(
  records: Records,
  name: string,
  { owner, rules, everyMs, checkedAt }: WatchState & { readonly owner: string },
): Promise<boolean> {
  const row = await records.get(watchCollection, name);
  const known = row?.value as WatchState | undefined;
  const isOther = known?.owner !== undefined && known.owner !== owner;
  if (isOther && checkedAt - known.checkedAt < deadAfter * known.everyMs) return false;
  try {
    const next: WatchState = { owner, rules, everyMs, checkedAt };
    await records.put(watchCollection, name, next, { ifVersion: row?.version ?? 0 });
    return true;
  } catch (error) {
    if (isRecordConflict(error)) return false;
    throw error;
  }
}

/** The alerts of a rule that has one for each thing, by the name of the thing. */
export async function alertsOf(records: Records, rule: AlertName): Promise<ReadonlyMap<string, AlertState>> {
  const states = new Map<string, AlertState>();
  for await (const { key, value } of everyRow((page) => records.list(alertCollection, page))) {
    const [alert, name] = splitKey(key);
    if (alert === rule && name !== undefined) states.set(name, value as AlertState);
  }
  return states;
}

/** Whether a watch checks under a name now. */
export async function isWatching(records: Records, name: string, now: number): Promise<boolean> {
  const known = (await records.get(watchCollection, name))?.value as WatchState | undefined;
  return known?.owner !== undefined && now - known.checkedAt < deadAfter * known.everyMs;
}

/** Removes the watch of a name, so that another one can take over at once. */
export async function releaseWatch(records: Records, name: string, owner: string): Promise<void> {
  const row = await records.get(watchCollection, name);
  const { owner: holder, ...rest } = (row?.value ?? {}) as WatchState;
  if (!row || holder !== owner) return;
  await records.put(watchCollection, name, rest, { ifVersion: row.version });
}
