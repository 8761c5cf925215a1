/**
 * Delivers messages straight to the mail exchangers of their recipients, and answers for each recipient.
 *
 * @packageDocumentation
 */
export { MailBroker, type SendOptions } from './broker.ts';
export type { FailureCategory } from './classify.ts';
export { categorizeReply } from './classify.ts';
export type { Clock } from './clock.ts';
export { BrokerError, type BrokerErrorCode, type BrokerErrorKind } from './errors.ts';
export type {
  BrokerOptions,
  DeliveryOptions,
  RuntimeOptions,
  SessionLine,
  TlsOptions,
} from './options.ts';
export type {
  Deferred,
  Delivered,
  Failed,
  OutcomeEvidence,
  RecipientOutcome,
  Stage,
  Unknown,
} from './outcome.ts';
export type { ReadyMessage } from './ready-message.ts';
