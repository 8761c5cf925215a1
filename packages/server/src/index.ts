/**
 * The broker behind HTTP and SMTP: accepts mail from many programs, delivers it and reports the outcome.
 *
 * - `createServer()`: a `fetch` function that other servers can mount, `listen()` for HTTP, `listenSubmission()` for SMTP, `listenInbound()` for bounces
 *
 * @packageDocumentation
 */

export { type ApiKey, ApiKeys, type NewApiKey, type Scope, scopes } from './api-keys.ts';
export { ServerError, type ServerErrorCode, type ServerErrorKind } from './errors.ts';
export type { InboundOptions } from './inbound/options.ts';
export {
  createServer,
  type ListenOptions,
  type MailServer,
  type ServerOptions,
  type SessionOptions,
} from './server.ts';
export type {
  LocalSubmissionOptions,
  SecureSubmissionOptions,
  SubmissionOptions,
} from './submission/options.ts';
export type { SubmissionAddress } from './submission/submission-server.ts';
