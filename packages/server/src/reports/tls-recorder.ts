/**
 * Counts how TLS goes in the sessions of a worker that runs without a server, so that the page "Reports" of the dashboard
 * and `/v1/reports/own-tls` of every server on the same queue show them.
 *
 * @packageDocumentation
 */
import { randomUUID } from 'node:crypto';
import type { MailBroker } from '@mb/broker';
import { callback, type OptionTable, readOptions, required, withMethods } from '../option-table.ts';
import { warn } from '../process-warning.ts';
import { TlsResults } from './tls-results.ts';

/** What {@link recordTlsResults} watches: a broker with a store. */
export type RecordedBroker = Pick<MailBroker, 'observe' | 'records'>;

/** Options of {@link recordTlsResults}. */
export interface TlsRecorderOptions {
  /** The broker whose sessions are counted. */
  readonly broker: RecordedBroker;
  /** Called when counts could not be written; they are written with the next ones. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What each option of a recorder accepts. @internal */
export const tlsRecorderOptions = {
  broker: required(withMethods<RecordedBroker>('observe')),
  onError: callback<(error: unknown) => void>(),
} satisfies OptionTable<TlsRecorderOptions>;

/** A recorder that counts until it is stopped. */
export interface TlsRecorder {
  /** Stops counting, and writes what was counted. A failure goes to `onError`. */
  stop(): Promise<void>;
  /** As {@link TlsRecorder.stop}. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Begins to count the results of TLS (RFC 8460 §4.3) by day, domain, host and kind of failure. The counts are in the
 * broker's store, for 90 days. A server counts by itself: this is for processes that only deliver.
 *
 * @throws {ServerError} MB_SERVER_OPTION
 * @throws {BrokerError} MB_BROKER_NO_STORE
 * @example
 * const recorder = recordTlsResults({ broker });
 * broker.start();
 * // …
 * await broker.stop();
 * await recorder.stop();
 */
export function recordTlsResults(options: TlsRecorderOptions): TlsRecorder {
  const { broker, onError = warn } = readOptions(options, tlsRecorderOptions, 'recordTlsResults: options');
  const results = new TlsResults({ records: broker.records, now: Date.now, onError, owner: randomUUID() });
  const end = results.watch(broker);
  const stop = async () => {
    end();
    await results.write().catch(onError);
  };
  return { stop, [Symbol.asyncDispose]: stop };
}
