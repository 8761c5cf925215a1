/**
 * Delivers messages straight to the mail exchangers of their recipients, and answers for each recipient.
 *
 * - `MailBroker`: `send()` for one attempt now, `enqueue()` and `start()` for durable delivery over days
 * - `MailSender`, `MailQueue`, `MailWorker`: the parts of it, for processes that need only one of them
 * - `MemoryStore`: a queue that lives with the process; `@mb/broker/sqlite` has the durable one
 *
 * @packageDocumentation
 */

export { MailBroker } from './broker.ts';
export type { Clock } from './clock.ts';
export { categorizeReply } from './delivery/classify.ts';
export {
  type ExplainedDelivery,
  type ExplainedHost,
  type ExplainedSignature,
  type Explanation,
  formatExplanation,
} from './delivery/explanation.ts';
export type {
  FailureAction,
  FailureCategory,
  FailureClassification,
  FailureScope,
} from './delivery/failure.ts';
export {
  type Deferred,
  type Delivered,
  type Failed,
  type KeptSignature,
  type KeptTranscripts,
  type OutcomeDetail,
  type OutcomeEvidence,
  type Queued,
  type RecipientOutcome,
  readOutcomeDetail,
  type Stage,
  type Unknown,
} from './delivery/outcome.ts';
export { type ExplainedReply, explainReply, parseReply } from './delivery/reply-explanation.ts';
export {
  type ReplyClass,
  type ReplyConditions,
  type ReplyContext,
  type ReplyRule,
  replyRuleWords,
} from './delivery/reply-rule.ts';
export { defaultReplyRules } from './delivery/reply-rules.ts';
export type { StoredReplyRules } from './delivery/stored-reply-rules.ts';
export { type DomainProfile, profilesByDomain } from './domain-profiles.ts';
export { BrokerError, type BrokerErrorCode, type BrokerErrorKind } from './errors.ts';
export { MailQueue } from './mail-queue.ts';
export { type DsnOptions, type ExplainOptions, MailSender, type SendOptions } from './mail-sender.ts';
export { type Health, MailWorker, type StopOptions } from './mail-worker.ts';
export type { Notify } from './message/queued-envelope.ts';
export type { ReadyMessage } from './message/ready-message.ts';
export type { RenderedParts, RenderParts } from './message/render.ts';
export type {
  AcceptObservation,
  AttemptObservation,
  ClaimObservation,
  ConnectObservation,
  ErrorObservation,
  LineObservation,
  Observation,
  ObservationType,
  ObserveOptions,
  Observer,
  RouteObservation,
  SessionLine,
  SettleObservation,
  TlsObservation,
  WebhookObservation,
} from './observer.ts';
export type {
  BrokerOptions,
  DeliveryOptions,
  MailQueueOptions,
  MailWorkerOptions,
  MtaStsOptions,
  QueueOptions,
  RuntimeOptions,
  SenderOptions,
  TlsOptions,
} from './options.ts';
export { csvCell, printableJson, printableJsonText, printableText } from './printable-text.ts';
export { QueueControl, SuppressionControl } from './queue/control.ts';
export type {
  EnqueueOptions,
  EnqueueResult,
  EnqueueWarning,
  QueuedDeliveryOptions,
  RecipientDelivery,
} from './queue/enqueue-options.ts';
export type { EventFilter } from './queue/event-filter.ts';
export type { EventHandler } from './queue/event-pump.ts';
export { type SinkOptions, type WebhookOptions, webhook } from './queue/event-sink.ts';
export type { EventsOptions } from './queue/event-stream.ts';
export type { InboundRecipient, InboundReport } from './queue/inbound-report.ts';
export { transactional } from './queue/transactional.ts';
export type { Relay, RouteOption } from './route/next-hop.ts';
export type { HostSecurity, SecurityBasis } from './route/tls-policy.ts';
export type { SentMessage } from './send-many.ts';
export type { EgressSource } from './sender/egress-source.ts';
export type { DkimKeys, KeyCheck, KeySource } from './sender/keyring.ts';
export { formatVerp, parseVerp, type VerpOptions } from './sender/verp.ts';
export type { ProfiledMessage, ProfileFor, ProfileTls, SendingProfile } from './sending-profile.ts';
export type { RetrySchedule } from './store/backoff.ts';
export { defaultSchedule } from './store/backoff.ts';
export { MemoryStore, type MemoryStoreOptions } from './store/memory/memory-store.ts';
export type { MessageFilter, MessageSummary } from './store/message-filter.ts';
export type { PauseReason, SiteFeedback, SiteLimits } from './store/pacing.ts';
export type * from './store/port.ts';
export {
  type EventCursor,
  type EventPage,
  type QueueEvent,
  type QueueEventType,
  queueEventTypes,
  type ReportedEvent,
} from './store/queue-event.ts';
export type { Rate } from './store/rate.ts';
export { recipientStates } from './store/recipient-state.ts';
export {
  type RecordChange,
  type RecordCondition,
  type RecordPageRequest,
  type Records,
  type StoredRecord,
  watchRecords,
} from './store/records.ts';
export type { PurgeResult, Retention } from './store/retention.ts';
export type { ListSelector, Selector, SelectorConditions, WholeQueue } from './store/selector.ts';
export {
  type NewSuppression,
  type Suppression,
  type SuppressionReason,
  suppressionReasons,
} from './store/suppression.ts';
export type { WebhookAttempt } from './webhooks/attempt.ts';
export type { WebhookDeliveryOptions } from './webhooks/delivery-options.ts';
export type { NewWebhook, RotateOptions, WebhookChanges, WebhookEndpoint } from './webhooks/endpoint.ts';
export type { WebhookSecret } from './webhooks/secret.ts';
export type { DeadLetter } from './webhooks/waiting-event.ts';
export { type WebhookEvent, type WebhookEventType, webhookEventTypes } from './webhooks/webhook-event.ts';
export type {
  ReplaySelector,
  WebhookLag,
  WebhookPageRequest,
  WebhookSecretStorage,
  WebhookStatus,
  Webhooks,
} from './webhooks/webhooks.ts';
