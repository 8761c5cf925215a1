import { systemClock } from '../clock.ts';
import { BrokerError, optionError } from '../errors.ts';
import {
  callback,
  integer,
  type OptionTable,
  readOptions,
  refuseUnknownKeys,
  signal,
  text,
} from '../option-table.ts';
import { jsonText } from './json-text.ts';
import { type Page, type PageRequest, pageLimit, pageOptions } from './page.ts';
import { StoreWatch } from './store-watch.ts';

/** A small JSON document that all workers of a store share. */
export interface StoredRecord {
  /** Kind of document, such as `domain` or `webhook`: lower-case letters, digits and hyphens, at most 40 characters. */
  readonly collection: string;
  /** Its name within the collection: 1 to 255 characters without control characters. */
  readonly key: string;
  /** Grows with each change to any record of the store; never used twice. */
  readonly version: number;
  /** A JSON object of at most {@link maxRecordBytes} octets. */
  readonly value: object;
  /** Time of the last change, in epoch milliseconds. */
  readonly updatedAt: number;
}

/** A change to a record; without `value` it was deleted. */
export type RecordChange = Omit<StoredRecord, 'value'> & { readonly value?: object };

/** Condition of a change. */
export interface RecordCondition {
  /** The version that the record must have; 0 means that it must not exist. Default: no condition. */
  readonly ifVersion?: number;
}

/** Which records to list. */
export interface RecordPageRequest extends PageRequest {
  /** Only keys that begin with this text. */
  readonly prefix?: string | undefined;
}

/** What `RecordPageRequest` accepts. */
export const recordPageOptions = {
  ...pageOptions,
  prefix: text(),
} satisfies OptionTable<RecordPageRequest>;

/**
 * Domains and keys, API keys, webhook endpoints and other settings that change at run time: thousands of small
 * documents that change rarely. Mail is not kept here.
 *
 * A change resolves when it is durable. Readers see whole documents only.
 *
 * @example
 * const { version } = await store.records.put('domain', 'example.com', { selector: 's1' });
 * await store.records.put('domain', 'example.com', { selector: 's2' }, { ifVersion: version });
 */
export interface Records {
  /** Null when there is no such record. */
  get(collection: string, key: string): Promise<StoredRecord | null>;
  /**
   * Creates or replaces a record.
   * @throws {BrokerError} MB_BROKER_RECORD_CONFLICT when `ifVersion` does not hold; MB_BROKER_OPTION
   */
  put(collection: string, key: string, value: object, condition?: RecordCondition): Promise<StoredRecord>;
  /**
   * Deletes a record; false when there was none.
   * @throws {BrokerError} MB_BROKER_RECORD_CONFLICT when `ifVersion` does not hold; MB_BROKER_OPTION
   */
  delete(collection: string, key: string, condition?: RecordCondition): Promise<boolean>;
  /** Records of a collection in the order of their keys, by code point. */
  list(collection: string, page?: RecordPageRequest): Promise<Page<StoredRecord>>;
  /**
   * The latest change of each record of the collection whose version is above `after`, oldest first, at most `limit`
   * (1 to 1,000, default 100). Deletions are kept for {@link recordDeletionMs}.
   */
  changes(collection: string, after: number, limit?: number): Promise<readonly RecordChange[]>;
}

/** The largest record, in octets of JSON. */
export const maxRecordBytes = 64 * 1024;
/** How long {@link Records.changes} reports a deletion: one day, in milliseconds. */
export const recordDeletionMs = 86_400_000;

/**
 * Minimum time between two reads: the queue wakes its listeners thousands of times a second, and records change rarely.
 */
const restMs = 100;

/** What {@link watchRecords} needs of a store. */
export interface RecordSource {
  readonly records: Records;
  /** Calls `listener` after something changed; returns the function that ends it. */
  onWake(listener: () => void): () => void;
}

/** Options of {@link watchRecords}. */
export interface WatchRecordsOptions {
  /** Only changes above this version. Default 0: all existing records first. */
  readonly after?: number | undefined;
  /** Maximum time between two reads, for changes by other processes whose wake-up was lost. Default 1,000. */
  readonly pollMs?: number | undefined;
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each failure of the store; the iteration goes on. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What `WatchRecordsOptions` accepts. */
export const watchRecordsOptions = {
  after: integer(0, Number.MAX_SAFE_INTEGER, { default: 0 }),
  pollMs: integer(1, 3_600_000, { default: 1_000 }),
  signal: signal(),
  onError: callback(),
} satisfies OptionTable<WatchRecordsOptions>;

/**
 * Iterates over the changes to a collection as they happen, in this process and in others. A record that changes
 * several times between two reads is reported once, with its latest value.
 *
 * A store that fails is asked again after one second, doubled each time up to 30 seconds. The iteration ends when the
 * store is closed.
 *
 * @throws {BrokerError} MB_BROKER_OPTION for an invalid collection or version; MB_BROKER_STORE_CLOSED when the store is
 *   not open at the start.
 * @example
 * for await (const { key, value } of watchRecords(store, 'domain', { signal })) {
 *   if (value) domains.set(key, value);
 *   else domains.delete(key);
 * }
 */
export async function* watchRecords(
  store: RecordSource,
  collection: string,
  options: WatchRecordsOptions = {},
): AsyncGenerator<RecordChange, void, undefined> {
  const { signal, ...checked } = readOptions(options, watchRecordsOptions, 'watchRecords: options');
  let { after } = checked;
  const watch = new StoreWatch({ ...checked, store, signal, setTimer: systemClock.setTimer });
  try {
    while (!signal?.aborted) {
      const from = after;
      const changes = await watch.ask(() => store.records.changes(collection, from));
      if (!changes) return;
      for (const change of changes) {
        if (signal?.aborted) return;
        yield change;
        after = change.version;
      }
      if (changes.length > 0) continue;
      await watch.idle();
      await watch.rest(restMs);
    }
  } finally {
    watch.close();
  }
}

const collectionPattern = /^[a-z][a-z0-9-]{0,39}$/;
const keyPattern = /^[^\p{Cc}\p{Cs}]{1,255}$/u;

/** @throws {BrokerError} MB_BROKER_OPTION */
export function checkCollection(collection: string): string {
  if (typeof collection === 'string' && collectionPattern.test(collection)) return collection;
  throw optionError('A collection must be lower-case letters, digits and hyphens, at most 40 characters.');
}

/** @throws {BrokerError} MB_BROKER_OPTION */
export function checkRecordKey(key: string): string {
  if (typeof key === 'string' && keyPattern.test(key)) return key;
  throw optionError('The key of a record must be 1 to 255 characters without control characters.');
}

/** @throws {BrokerError} MB_BROKER_OPTION */
export function checkIfVersion(condition: RecordCondition | undefined): number | undefined {
  // A misspelt `ifVersion` would overwrite what another process has written.
  if (condition !== undefined) refuseUnknownKeys(condition, { ifVersion: 1 }, 'condition');
  const version = condition?.ifVersion;
  if (version === undefined || (Number.isSafeInteger(version) && version >= 0)) return version;
  throw optionError('ifVersion must be the version of a record, or 0 for a record that must not exist.');
}

/**
 * Checks a page request and fills in its defaults.
 * @throws {BrokerError} MB_BROKER_OPTION
 */
export function recordPage(page: RecordPageRequest | undefined) {
  const {
    after = '',
    prefix = '',
    limit,
  } = readOptions<RecordPageRequest, typeof recordPageOptions>(page, recordPageOptions, 'list: page');
  return { after, prefix, limit: pageLimit(limit) };
}

/** @throws {BrokerError} MB_BROKER_OPTION for an invalid version. */
export function checkVersion(version: number): number {
  if (Number.isSafeInteger(version) && version >= 0) return version;
  throw optionError('after must be the version of a record, or 0 for all changes.');
}

/**
 * The JSON text of a record's value, which reads back as an equal value.
 * @throws {BrokerError} MB_BROKER_OPTION
 */
export function recordText(value: object): string {
  const text = jsonText(value, 'The value of a record');
  if (Buffer.byteLength(text) > maxRecordBytes)
    throw optionError(`The value of a record must have at most ${maxRecordBytes} octets of JSON.`);
  return text;
}

/** The error for an `ifVersion` that does not hold. */
export function recordConflict(collection: string, key: string): BrokerError {
  return new BrokerError(
    'MB_BROKER_RECORD_CONFLICT',
    'api-misuse',
    `The record ${JSON.stringify(key)} in "${collection}" was changed by another writer. Read it again and repeat the change.`,
    { retryable: true },
  );
}

/** Whether an `ifVersion` did not hold, because another writer changed the record first. */
export function isRecordConflict(error: unknown): boolean {
  return BrokerError.isInstance(error) && error.code === 'MB_BROKER_RECORD_CONFLICT';
}
