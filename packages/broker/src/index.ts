/**
 * Delivers messages straight to the mail exchangers of their recipients, and answers for each recipient.
 *
 * - `MailBroker`: `send()` for one attempt now, `enqueue()` and `start()` for durable delivery over days
 * - `MemoryStore`: a queue that lives with the process; `@mb/broker/sqlite` has the durable one
 *
 * @packageDocumentation
 */
export type { RetrySchedule } from './backoff.ts';
export { defaultSchedule } from './backoff.ts';
export { type Health, MailBroker, type SendOptions } from './broker.ts';
export { categorizeReply, type FailureCategory } from './classify.ts';
export type { Clock } from './clock.ts';
export type { EgressSource } from './egress-source.ts';
export type { EnqueueOptions, EnqueueResult, QueuedDeliveryOptions } from './enqueue.ts';
export { BrokerError, type BrokerErrorCode, type BrokerErrorKind } from './errors.ts';
export { type EventHandler, type SinkOptions, type WebhookOptions, webhook } from './event-sink.ts';
export type { EventsOptions } from './event-stream.ts';
export {
  type ExplainedDelivery,
  type ExplainedHost,
  type ExplainedSignature,
  type Explanation,
  formatExplanation,
} from './explanation.ts';
export type { InboundRecipient, InboundReport } from './inbound-report.ts';
export type { KeyCheck } from './keyring.ts';
export { MemoryStore, type MemoryStoreOptions } from './memory-store.ts';
export type { RouteOption } from './next-hop.ts';
export type {
  BrokerOptions,
  DeliveryOptions,
  MtaStsOptions,
  QueueOptions,
  RuntimeOptions,
  SessionLine,
  TlsOptions,
} from './options.ts';
export type {
  Deferred,
  Delivered,
  Failed,
  OutcomeEvidence,
  Queued,
  RecipientOutcome,
  Stage,
  Unknown,
} from './outcome.ts';
export type { SiteFeedback, SiteLimits } from './pacing.ts';
export { QueueControl, SuppressionControl } from './queue-control.ts';
export type { EventCursor, EventPage, QueueEvent, QueueEventType, ReportedEvent } from './queue-event.ts';
export type * from './queue-store.ts';
export type { Notify } from './queued-envelope.ts';
export type { Rate } from './rate.ts';
export type { ReadyMessage } from './ready-message.ts';
export type { PurgeResult, Retention } from './retention.ts';
export type { NewSuppression, Suppression, SuppressionReason } from './suppression.ts';
export type { HostSecurity, SecurityBasis } from './tls-policy.ts';
export { formatVerp, parseVerp, type VerpOptions } from './verp.ts';
