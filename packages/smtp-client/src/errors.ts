import type { TlsEvidence } from './tls-evidence.ts';

/** The kind of a failure, which says where to look for its cause. */
export type SmtpErrorKind =
  | 'api-misuse'
  /** Input of a user is wrong, such as an address. */
  | 'invalid-input'
  | 'peer-misbehaved'
  | 'peer-incompatible'
  | 'rejected'
  /** A problem of this machine: no socket, no route, no local address, no resolver. */
  | 'local'
  | 'network'
  | 'timeout'
  | 'tls'
  | 'aborted'
  | 'internal';

/**
 * What a failure concerns: this session (another may succeed), this host (another mail exchanger may succeed), this
 * message (every host will fail), or this recipient.
 */
export type SmtpErrorScope = 'session' | 'host' | 'message' | 'recipient';

/** The stage of a session; `plan` is before the first octet of a transaction. */
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

/** A reply of a server. */
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

/** The fields of an {@link SmtpError} besides its message. */
export interface SmtpErrorFields {
  readonly code: SmtpErrorCode;
  readonly kind: SmtpErrorKind;
  readonly scope: SmtpErrorScope;
  readonly stage: Stage;
  /** Whether the same call may succeed later without a change on either side. */
  readonly retryable: boolean;
  readonly reply?: Reply | undefined;
  /** RFC 3463 status of the failure when no server gave one (`5.3.4`, `5.6.3`, `5.6.7` …). */
  readonly enhanced?: string | undefined;
  /** `address:port` of the server. */
  readonly address?: string | undefined;
  readonly transcript?: readonly TranscriptEntry[] | undefined;
  /** What is known about TLS, if TLS failed. */
  readonly tls?: TlsEvidence | undefined;
  readonly cause?: unknown;
}

const marker = Symbol.for('@mb/smtp-client.error');

/**
 * The error class of this package; match on `code`.
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
  /** What is known about TLS, with `failure`, if TLS failed. */
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

  /** Whether `value` is an SmtpError, of this or another installed copy of the package. */
  static isInstance(value: unknown): value is SmtpError {
    return typeof value === 'object' && value !== null && marker in value;
  }

  /** A copy with fields that only the caller knows, such as the address and the transcript. */
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

/** The error for a mistake of the caller. */
export function misuse(
  code: 'MB_SMTP_OPTION' | 'MB_SMTP_ADDRESS' | 'MB_SMTP_PARAMETER' | 'MB_SMTP_CONNECTION_CLOSED',
  message: string,
  stage: Stage = 'plan',
): SmtpError {
  const kind = code === 'MB_SMTP_ADDRESS' ? 'invalid-input' : 'api-misuse';
  return new SmtpError(message, { code, kind, scope: 'message', stage, retryable: false });
}

/** The error for an option that is unknown, missing, or of the wrong type or range. */
export function optionError(message: string): SmtpError {
  return misuse('MB_SMTP_OPTION', message);
}

/** Throws unless an argument has the right type. @throws {SmtpError} MB_SMTP_OPTION */
export function checkType(right: boolean, where: string, wanted: string): void {
  if (!right) throw optionError(`${where} must be ${wanted}.`);
}

/** Returns an SmtpError as it is, and wraps any other error, so that a defect ends a session instead of the process. */
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
