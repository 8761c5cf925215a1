/**
 * The SMTP and LMTP client protocol without sockets: octets and the time go in, octets, events and deadlines come out.
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
export { type Capabilities, parseCapabilities } from './capabilities.ts';
export { type ContentScan, scanContent } from './content-scan.ts';
export { DotStuffer } from './dot-stuffer.ts';
export {
  type Envelope,
  type EnvelopeRecipient,
  encodeUtf8Address,
  encodeXtext,
  type Notify,
} from './envelope.ts';
export type { SessionEvent } from './events.ts';
export { defaultLimits, type SessionLimits } from './limits.ts';
export { type Mailbox, parseMailbox } from './mailbox.ts';
export { ReplyParser } from './reply-parser.ts';
export type { Pipelining } from './sender.ts';
export { SmtpSession } from './session.ts';
export type { SessionOptions, SessionTls } from './session-options.ts';
export { defaultTimeouts, type Timeouts } from './timeouts.ts';
export { LOSS, REPLIES, SESSION, type SessionInput, type SessionState, WRITER } from './transitions.ts';
export type { Verdict } from './verdict.ts';
