import type { TlsEvidence } from './tls-evidence.ts';

/** Who is at fault. */
export type SmtpErrorKind =
  | 'api-misuse'
  /** What a user may have typed: an address. */
  | 'invalid-input'
  | 'peer-misbehaved'
  | 'peer-incompatible'
  | 'rejected'
  /** This machine: no socket, no route, no address to dial from, no resolver. */
  | 'local'
  | 'network'
  | 'timeout'
  | 'tls'
  | 'aborted'
  | 'internal';

/**
 * What a failure is about: this session only (another one may do), this host (another mail exchanger may do),
 * this message (no host will differ), or this recipient.
 */
export type SmtpErrorScope = 'session' | 'host' | 'message' | 'recipient';

/** Where in a session something happened; `plan` is before the first octet of a transaction. */
export type Stage =
  | 'connect'
  | 'greeting'
  | 'ehlo'
  | 'helo'
  | 'starttls'
  | 'tls'
  | 'auth'
  | 'idle'
  | 'plan'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'chunk'
  | 'content'
  | 'final'
  | 'discard'
  | 'reset'
  | 'quit';

/** A server's reply: the code, the enhanced status code where its class agrees, and the text of each line. */
export interface Reply {
  /** Three digits, 200 to 599. */
  readonly code: number;
  /** RFC 3463 status, e.g. `5.1.1`; absent when the server gave none or one of another class than `code`. */
  readonly enhanced?: string;
  /** Text of every line without code and line end; control characters are replaced by U+FFFD. */
  readonly lines: readonly string[];
}

/** One line of a session's transcript; never message content, never a credential. */
export interface TranscriptEntry {
  /** Epoch milliseconds of the session's clock. */
  readonly at: number;
  readonly direction: 'client' | 'server' | 'note';
  readonly text: string;
}

/** Every code that an {@link SmtpError} can carry; docs/errors.md says when each occurs and what to do. */
export type SmtpErrorCode =
  | 'MB_SMTP_OPTION'
  | 'MB_SMTP_ADDRESS'
  | 'MB_SMTP_PARAMETER'
  | 'MB_SMTP_CONNECT_FAILED'
  | 'MB_SMTP_CONNECT_TIMEOUT'
  | 'MB_SMTP_CONNECT_LOCAL'
  | 'MB_SMTP_NO_ADDRESS'
  | 'MB_SMTP_CONNECTION_LOST'
  | 'MB_SMTP_CONNECTION_STALE'
  | 'MB_SMTP_CONNECTION_CLOSED'
  | 'MB_SMTP_REPLY_SYNTAX'
  | 'MB_SMTP_REPLY_UNEXPECTED'
  | 'MB_SMTP_REPLY_TIMEOUT'
  | 'MB_SMTP_WRITE_TIMEOUT'
  | 'MB_SMTP_OVERALL_TIMEOUT'
  | 'MB_SMTP_GREETING_REFUSED'
  | 'MB_SMTP_HELLO_REFUSED'
  | 'MB_SMTP_SERVICE_CLOSING'
  | 'MB_SMTP_SENDER_REFUSED'
  | 'MB_SMTP_RECIPIENT_REFUSED'
  | 'MB_SMTP_MESSAGE_REFUSED'
  | 'MB_SMTP_OUTCOME_UNKNOWN'
  | 'MB_SMTP_TLS_NOT_OFFERED'
  | 'MB_SMTP_TLS_REFUSED'
  | 'MB_SMTP_TLS_HANDSHAKE'
  | 'MB_SMTP_TLS_TIMEOUT'
  | 'MB_SMTP_TLS_UNVERIFIED'
  | 'MB_SMTP_TLS_INJECTION'
  | 'MB_SMTP_AUTH_INSECURE'
  | 'MB_SMTP_AUTH_UNAVAILABLE'
  | 'MB_SMTP_AUTH_REFUSED'
  | 'MB_SMTP_AUTH_SERVER_UNPROVEN'
  | 'MB_SMTP_CREDENTIALS'
  | 'MB_SMTP_SIZE_EXCEEDED'
  | 'MB_SMTP_8BITMIME_NOT_OFFERED'
  | 'MB_SMTP_SMTPUTF8_NOT_OFFERED'
  | 'MB_SMTP_BINARYMIME_NOT_OFFERED'
  | 'MB_SMTP_REQUIRETLS_NOT_OFFERED'
  | 'MB_SMTP_MAIL_LIMIT'
  | 'MB_SMTP_CONTENT_SOURCE'
  | 'MB_SMTP_CONTENT_NOT_REPEATABLE'
  | 'MB_SMTP_ABORTED'
  | 'MB_SMTP_INTERNAL';

/** What an {@link SmtpError} is made of beside its message. */
export interface SmtpErrorFields {
  readonly code: SmtpErrorCode;
  readonly kind: SmtpErrorKind;
  readonly scope: SmtpErrorScope;
  readonly stage: Stage;
  /** Whether trying again later can give another result without any change on either side. */
  readonly retryable: boolean;
  readonly reply?: Reply | undefined;
  /** RFC 3463 status that describes the failure when no server said one (`5.3.4`, `5.6.3`, `5.6.7` …). */
  readonly enhanced?: string | undefined;
  /** `address:port` that was tried. */
  readonly address?: string | undefined;
  readonly transcript?: readonly TranscriptEntry[] | undefined;
  /** What is known about TLS, when that is what failed. */
  readonly tls?: TlsEvidence | undefined;
  readonly cause?: unknown;
}

const marker = Symbol.for('@mb/smtp-client.error');

/**
 * The one error class of this package; match on `code`.
 *
 * @example
 * try { await connect({ host: 'mx.example.com', hostname: 'mail.example.org' }); }
 * catch (error) { if (SmtpError.isInstance(error) && error.code === 'MB_SMTP_CONNECT_TIMEOUT') … }
 */
export class SmtpError extends Error {
  readonly code: SmtpErrorCode;
  readonly kind: SmtpErrorKind;
  readonly scope: SmtpErrorScope;
  readonly stage: Stage;
  readonly retryable: boolean;
  readonly reply: Reply | undefined;
  readonly enhanced: string | undefined;
  readonly address: string | undefined;
  readonly transcript: readonly TranscriptEntry[] | undefined;
  /** What is known about TLS, with its `failure` as data, when that is what failed. */
  readonly tls: TlsEvidence | undefined;

  constructor(message: string, fields: SmtpErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'SmtpError';
    this.code = fields.code;
    this.kind = fields.kind;
    this.scope = fields.scope;
    this.stage = fields.stage;
    this.retryable = fields.retryable;
    this.reply = fields.reply;
    this.enhanced = fields.enhanced ?? fields.reply?.enhanced;
    this.address = fields.address;
    this.transcript = fields.transcript;
    this.tls = fields.tls;
    Object.defineProperty(this, marker, { value: true });
  }

  /** Whether `value` is an SmtpError, also one of another installed copy of this package. */
  static isInstance(value: unknown): value is SmtpError {
    return typeof value === 'object' && value !== null && marker in value;
  }

  /** The same failure with the address and the transcript that only the shell knows. */
  with(fields: Pick<SmtpErrorFields, 'address' | 'transcript' | 'tls'>): SmtpError {
    const error = new SmtpError(this.message, { ...this.fields(), ...fields });
    if (this.stack !== undefined) error.stack = this.stack;
    return error;
  }

  private fields(): SmtpErrorFields {
    const { code, kind, scope, stage, retryable, reply, enhanced, address, transcript, tls, cause } = this;
    return { code, kind, scope, stage, retryable, reply, enhanced, address, transcript, tls, cause };
  }
}

/** An error for a caller's mistake. */
export function misuse(
  code: 'MB_SMTP_OPTION' | 'MB_SMTP_ADDRESS' | 'MB_SMTP_PARAMETER' | 'MB_SMTP_CONNECTION_CLOSED',
  message: string,
  stage: Stage = 'plan',
): SmtpError {
  const kind = code === 'MB_SMTP_ADDRESS' ? 'invalid-input' : 'api-misuse';
  return new SmtpError(message, { code, kind, scope: 'message', stage, retryable: false });
}

/** An option that is unknown, missing, or of the wrong type or range. */
export function optionError(message: string): SmtpError {
  return misuse('MB_SMTP_OPTION', message);
}

/** Refuses an argument of another type before anything reads it. @throws {SmtpError} MB_SMTP_OPTION */
export function checkType(right: boolean, where: string, wanted: string): void {
  if (!right) throw optionError(`${where} must be ${wanted}.`);
}

/** `value` itself, or our own fault wrapped so that it ends one session instead of the process. */
export function toSmtpError(value: unknown): SmtpError {
  if (SmtpError.isInstance(value)) return value;
  return new SmtpError(
    'An unexpected internal error occurred; this is a defect of the package, please report it.',
    {
      code: 'MB_SMTP_INTERNAL',
      kind: 'internal',
      scope: 'session',
      stage: 'idle',
      retryable: true,
      cause: value,
    },
  );
}
