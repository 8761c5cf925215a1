import { optionError } from '../errors.ts';
import type { RecordCondition, RecordSource, Records } from '../store/records.ts';
import { watchRecords } from '../store/records.ts';
import { createReplyRules } from './classify.ts';
import type { LiveReplyRules } from './live-reply-rules.ts';
import type { ReplyRule } from './reply-rule.ts';

/** The reply rules that a store holds for its workers. */
export interface StoredReplyRules {
  /** In the order in which they are tried. */
  readonly rules: readonly ReplyRule[];
  /** For `ifVersion` of the next change; 0 when none were ever stored. */
  readonly version: number;
}

// One record for all, because their order counts.
const collection = 'reply-rules';
const key = 'all';

/** The rules of a store; none when none were stored. */
export async function readStoredRules(records: Records): Promise<StoredReplyRules> {
  const row = await records.get(collection, key);
  return row ? { rules: rulesOf(row.value), version: row.version } : { rules: [], version: 0 };
}

/**
 * Replaces the rules of a store.
 * @throws {BrokerError} MB_BROKER_OPTION for a rule that is not one, MB_BROKER_RECORD_CONFLICT
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

/** Keeps live rules as the store has them, until the signal fires. Wrong ones are reported, and change nothing. */
export async function followStoredRules(
  store: RecordSource,
  live: LiveReplyRules,
  { signal, onError }: { readonly signal: AbortSignal; readonly onError: (error: unknown) => void },
): Promise<void> {
  for await (const { value } of watchRecords(store, collection, { signal, onError })) {
    try {
      live.replaceStored(value ? rulesOf(value) : []);
    } catch (error) {
      onError(error);
    }
  }
}

function rulesOf(value: object): readonly ReplyRule[] {
  return (value as { readonly rules: readonly ReplyRule[] }).rules;
}
