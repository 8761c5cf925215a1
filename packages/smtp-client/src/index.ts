/**
 * An SMTP and LMTP client: connects to one host, delivers messages and returns the result of every recipient.
 *
 * `connect` gives an `SmtpConnection`; its `deliver` gives a `DeliveryOutcome`. Which host to connect to, when to try
 * again and whom to notify is decided by the caller.
 * @packageDocumentation
 */
export type { DeliverOptions, SmtpConnection } from './client.ts';
export type { Content } from './content.ts';
export {
  type Reply,
  SmtpError,
  type SmtpErrorCode,
  type SmtpErrorFields,
  type SmtpErrorKind,
  type SmtpErrorScope,
  type Stage,
  type TranscriptEntry,
} from './errors.ts';
export type { Clock } from './io/clock.ts';
export { connect } from './io/connect.ts';
export { type AuthOptions, type ConnectOptions, checkAuth } from './io/connect-options.ts';
export { type OpenSocket, openTcp, type SocketTarget } from './io/open-socket.ts';
export type { TlsOptions } from './io/tls.ts';
export type { TlsaRecord } from './io/tlsa-record.ts';
export type { DeliveryOutcome } from './outcome.ts';
export type { SaslMechanismName } from './protocol/sasl/choose.ts';
export type {
  ChannelBinding,
  CredentialSource,
  Credentials,
  SaslChannel,
  SaslContext,
  SaslCrypto,
  SaslExchange,
  SaslHash,
  SaslMechanism,
} from './protocol/sasl/mechanism.ts';
export type { Capabilities } from './protocol/session/capabilities.ts';
export { type FactOptions, HostExperience, type HostFacts } from './protocol/session/host-experience.ts';
export { defaultLimits, type LimitOptions, type SessionLimits } from './protocol/session/limits.ts';
export { defaultTimeouts, type TimeoutOptions, type Timeouts } from './protocol/session/timeouts.ts';
export type { Envelope, EnvelopeRecipient, Notify } from './protocol/transaction/envelope.ts';
export type { Pipelining } from './protocol/transaction/flight-window.ts';
export type { HostLack, RecipientResult, TransactionResult } from './protocol/transaction/result.ts';
export type { TlsEvidence, TlsFailure, TlsLevel, TlsResultType } from './tls-evidence.ts';
