/**
 * The SMTP and LMTP client protocol without I/O: its input is octets and the time, its output octets, events and deadlines.
 * @packageDocumentation
 */
export {
  type Reply,
  SmtpError,
  type SmtpErrorCode,
  type SmtpErrorKind,
  type SmtpErrorScope,
  type Stage,
  type TranscriptEntry,
} from '../errors.ts';
export { type ContentScan, scanContent } from './content/content-scan.ts';
export { DotStuffer } from './content/dot-stuffer.ts';
export { ReplyParser } from './reply/reply-parser.ts';
export { type Capabilities, parseCapabilities } from './session/capabilities.ts';
export type {
  AuthChallenge,
  AuthSucceeded,
  ContentWanted,
  DeliveryNotAttempted,
  DeliverySettled,
  SessionClosed,
  SessionEvent,
  SessionReady,
  TlsRequired,
} from './session/events.ts';
export { type FactOptions, HostExperience, type HostFacts } from './session/host-experience.ts';
export { defaultLimits, type LimitOptions, type SessionLimits } from './session/limits.ts';
export { SmtpSession } from './session/session.ts';
export type { SessionOptions, SessionTls } from './session/session-options.ts';
export { defaultTimeouts, type TimeoutOptions, type Timeouts } from './session/timeouts.ts';
export {
  ENVELOPE,
  ENVELOPE_FACTS,
  type EnvelopeFacts,
  LOSS,
  REPLIES,
  SESSION,
  type SessionInput,
  type SessionState,
  WRITER,
} from './session/transitions.ts';
export {
  type Envelope,
  type EnvelopeRecipient,
  encodeUtf8Address,
  encodeXtext,
  type Notify,
} from './transaction/envelope.ts';
export type { Pipelining } from './transaction/flight-window.ts';
export { type Mailbox, parseMailbox } from './transaction/mailbox.ts';
export type { HostLack, RecipientResult, TransactionResult } from './transaction/result.ts';
