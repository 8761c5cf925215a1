import { systemClock } from '../clock.ts';
import { optionError } from '../errors.ts';
import { type RecordCondition, type RecordSource, type Records, watchRecords } from '../store/records.ts';
import { StoreWatch } from '../store/store-watch.ts';
import { createReplyRules } from './classify.ts';
import type { LiveReplyRules } from './live-reply-rules.ts';
import type { ReplyRule } from './reply-rule.ts';

/** The reply rules in a store, which all its workers apply. */
export interface StoredReplyRules {
  /** In the order in which they are tried. */
  readonly rules: readonly ReplyRule[];
  /** For `ifVersion` of the next change; 0 when none were ever stored. */
  readonly version: number;
}

// One record holds all rules, because their order matters.
const collection = 'reply-rules';
const key = 'all';

/** Reads the rules of a store; an empty list, version 0, when none were ever stored. */
export async function readStoredRules(records: Records): Promise<StoredReplyRules> {
  const row = await records.get(collection, key);
  return row ? { rules: rulesOf(row.value), version: row.version } : { rules: [], version: 0 };
}

/**
 * Replaces the rules of a store.
 * @throws {BrokerError} MB_BROKER_OPTION for an invalid rule; MB_BROKER_RECORD_CONFLICT when `condition` does not hold.
 */
export async function writeStoredRules(
  records: Records,
  rules: readonly ReplyRule[],
  condition?: RecordCondition,
): Promise<StoredReplyRules> {
  if (!Array.isArray(rules)) throw optionError('setReplyRules: rules must be an array.');
  createReplyRules(rules);
  const { version } = await records.put(collection, key, { rules }, condition);
  return { rules, version };
}

/** What {@link followStoredRules} calls, and the signal that ends it. */
export interface FollowParts {
  readonly signal: AbortSignal;
  /** Called with each failure of the store, and with the error for invalid rules. */
  readonly onError: (error: unknown) => void;
  /** Called once, when the first read has ended, whether or not it succeeded. */
  readonly onKnown: () => void;
}

/**
 * Applies the rules of a store, and each later change of them, until the signal is aborted. Invalid rules are reported
 * to `onError` and change nothing.
 */
export async function followStoredRules(
  store: RecordSource,
  live: LiveReplyRules,
  { signal, onError, onKnown }: FollowParts,
): Promise<void> {
  const take = (rules: readonly ReplyRule[]) => {
    try {
      live.replaceStored(rules);
    } catch (error) {
      onError(error);
    }
  };
  const { setTimer } = systemClock;
  const watch = new StoreWatch({ store, setTimer, onError, signal, pollMs: 1_000 });
  let after: number;
  try {
    const known = await watch.ask(() => readStoredRules(store.records));
    if (!known) return;
    take(known.rules);
    after = known.version;
  } finally {
    watch.close();
    onKnown();
  }
  for await (const { value } of watchRecords(store, collection, { after, signal, onError }))
    take(value ? rulesOf(value) : []);
}

function rulesOf(value: object): readonly ReplyRule[] {
  return (value as { readonly rules: readonly ReplyRule[] }).rules;
}
