/** Codes of the errors that this package throws; docs/errors.md says what to do about each. */
export type ServerErrorCode = 'MB_SERVER_OPTION' | 'MB_SERVER_KEY' | 'MB_SERVER_LISTEN';

/** Who is at fault; the same words in every package of the family. */
export type ServerErrorKind = 'api-misuse' | 'invalid-input' | 'network';

const MARKER = Symbol.for('@mb/server.error');

/** The one error class of this package. What a client of the server does wrong is a response, never an exception. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: ServerErrorCode;
  readonly kind: ServerErrorKind;
  /** True when the same call may succeed later without a change. */
  readonly retryable: boolean;

  constructor(
    code: ServerErrorCode,
    kind: ServerErrorKind,
    message: string,
    options: { readonly cause?: unknown; readonly retryable?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = kind;
    this.retryable = options.retryable ?? false;
    Object.defineProperty(this, MARKER, { value: true });
  }

  /** True for a `ServerError` of any installed version of this package. */
  static isInstance(value: unknown): value is ServerError {
    return typeof value === 'object' && value !== null && MARKER in value;
  }
}

/** What ./option-table.ts throws for a wrong option. */
export function optionError(message: string): ServerError {
  return new ServerError('MB_SERVER_OPTION', 'api-misuse', message);
}

/** What `listen` throws when an address or a socket cannot be used. */
export function listenError(where: string, cause: NodeJS.ErrnoException): ServerError {
  const reason = cause.code === 'EADDRINUSE' ? 'another process listens there' : cause.message;
  return new ServerError('MB_SERVER_LISTEN', 'network', `Cannot listen on ${where}: ${reason}.`, { cause });
}
