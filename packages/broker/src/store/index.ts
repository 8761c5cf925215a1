/**
 * What authors of a {@link QueueStore} need: the port, its types, the rules that all stores share, and a worker to try
 * the store with.
 *
 * Test a store with `@mb/broker/store-conformance`.
 */

export { BrokerError } from '../errors.ts';
export { type Attempt, type AttemptOutcome, QueueWorker, type WorkerOptions } from '../worker/worker.ts';
export type { ScheduleOptions } from './backoff.ts';
export { rechunk } from './content-chunks.ts';
export { contentGone } from './content-gone.ts';
export { ErrorListeners } from './error-listeners.ts';
export {
  isAllowedSpeed,
  type Learned,
  maxLearnedHosts,
  mergeLearned,
  nothingLearned,
  type SiteSpeed,
  siteSpeeds,
} from './learned.ts';
export {
  type CheckedMessageFilter,
  checkMessageFilter,
  type MessageFilter,
  type MessageSummary,
} from './message-filter.ts';
export {
  checkDelay,
  checkDelays,
  checkIdempotency,
  checkSize,
  detailText,
  type MessageRecord,
  messageRecord,
  messageTimes,
} from './new-message.ts';
export {
  allowedConnections,
  defaultSiteLimits,
  type Pacing,
  resolveSiteLimits,
  type SiteFeedback,
  type SiteLimitOptions,
  type SiteLimits,
} from './pacing.ts';
export { cursorNumber, pageLimit, unknownCursor } from './page.ts';
export * from './port.ts';
export type * from './queue-event.ts';
export type { Rate } from './rate.ts';
export { isFinal, type StoredState, shownState, storedStates } from './recipient-state.ts';
export {
  type Command,
  changeByCommand,
  changeByLostLease,
  changeByOutcome,
  changeByRelease,
  type Intent,
  type RecipientChange,
  type RecipientRecord,
} from './recipient-transition.ts';
export {
  checkCollection,
  checkIfVersion,
  checkRecordKey,
  checkVersion,
  maxRecordBytes,
  type RecordChange,
  type RecordCondition,
  type RecordPageRequest,
  type RecordSource,
  type Records,
  recordConflict,
  recordDeletionMs,
  recordPage,
  recordText,
  type StoredRecord,
  type WatchRecordsOptions,
  watchRecords,
} from './records.ts';
export {
  defaultRetention,
  type PurgeResult,
  type Retention,
  type RetentionOptions,
  resolveRetention,
} from './retention.ts';
export {
  type CheckedSelector,
  checkListSelector,
  checkSelector,
  type ListSelector,
  type Selector,
  type SelectorConditions,
  type WholeQueue,
} from './selector.ts';
export {
  type NewSuppression,
  type Suppression,
  type SuppressionReason,
  suppressionKey,
  suppressionReasons,
} from './suppression.ts';
export { WakeList } from './wake-list.ts';
