/**
 * Tools to test e-mail code on real sockets, without a network: a scripted SMTP host, a DNS server with zones in
 * memory, a virtual clock, seeded randomness and generated certificates.
 *
 * @packageDocumentation
 */
export {
  type CertificateAuthority,
  type CertificateOptions,
  createCertificateAuthority,
  createSelfSignedCertificate,
  type KeyType,
  type TestCertificate,
} from './certificate.ts';
export { type Clock, systemClock } from './clock.ts';
export type { DnsFailure, FailureScope } from './dns/failure.ts';
export { type DnsQueryRecord, DnsServer, type DnsServerOptions, startDnsServer } from './dns/server.ts';
export { type DnsRecords, type DnsRecordType, type DnsZone, type DnsZones, reverseName } from './dns/zone.ts';
export { TestkitError, type TestkitErrorCode } from './errors.ts';
export {
  type BrokerDouble,
  type BrokerDoubleScript,
  createBrokerDouble,
  type DoubleCall,
  type DoubleOutcome,
} from './mailbox/broker-double.ts';
export { createMailbox, type Mailbox, type MailboxOptions } from './mailbox/mailbox.ts';
export {
  type MatcherResult,
  type MessageSource,
  mailMatchers,
  type SignatureOptions,
} from './mailbox/matchers.ts';
export type { MessageFilter, WaitOptions } from './mailbox/message-store.ts';
export type { LinkFilter, ReceivedAttachment, ReceivedMessage } from './mailbox/received-message.ts';
export { createSeededRandom, type SeededRandom } from './seeded-random.ts';
export { DEFAULT_KEYWORDS, SmtpHost, type SmtpHostOptions, startSmtpHost } from './smtp/host.ts';
export {
  receivedOctets,
  type SmtpEvent,
  type SmtpRecipientRecord,
  type SmtpSessionRecord,
  type SmtpTransactionRecord,
  sentOctets,
} from './smtp/record.ts';
export type { Answer, Reply } from './smtp/reply.ts';
export {
  type AuthExchange,
  type DuringContent,
  inTurn,
  type SmtpHostAuth,
  type SmtpHostTls,
  type SmtpScript,
  type Step,
  type StepContext,
} from './smtp/script.ts';
export { type IdleOptions, VirtualClock } from './virtual-clock.ts';
export {
  startWebhookReceiver,
  type WebhookAnswer,
  type WebhookCall,
  type WebhookReceiver,
  type WebhookReceiverOptions,
} from './webhook-receiver.ts';
