/** Codes of the errors that this package throws; docs/errors.md describes each one. */
export type MimeErrorCode =
  | 'MB_MIME_OPTION'
  | 'MB_MIME_ADDRESS_SYNTAX'
  | 'MB_MIME_ADDRESS_LENGTH'
  | 'MB_MIME_ADDRESS_COUNT'
  | 'MB_MIME_ADDRESS_NESTING'
  | 'MB_MIME_DOMAIN'
  | 'MB_MIME_FROM_MISSING'
  | 'MB_MIME_SENDER_MISSING'
  | 'MB_MIME_DATE'
  | 'MB_MIME_MESSAGE_ID'
  | 'MB_MIME_HEADER_NAME'
  | 'MB_MIME_HEADER_VALUE'
  | 'MB_MIME_HEADER_RESERVED'
  | 'MB_MIME_HEADER_DUPLICATE'
  | 'MB_MIME_LINE_LENGTH'
  | 'MB_MIME_PARAMETER'
  | 'MB_MIME_CONTENT_TYPE'
  | 'MB_MIME_CONTENT_ID'
  | 'MB_MIME_FILENAME'
  | 'MB_MIME_LIST_URI'
  | 'MB_MIME_REPORT'
  | 'MB_MIME_REPORT_SIZE'
  | 'MB_MIME_REPORT_SYNTAX'
  | 'MB_MIME_CALENDAR'
  | 'MB_MIME_CONTENT'
  | 'MB_MIME_CONTENT_CONSUMED'
  | 'MB_MIME_CONTENT_FAILED'
  | 'MB_MIME_CONTENT_LENGTH'
  | 'MB_MIME_CONTENT_LINES'
  | 'MB_MIME_NOT_SEVEN_BIT'
  | 'MB_MIME_BOUNDARY'
  | 'MB_MIME_ABORTED';

/**
 * Who is at fault; all `@mb` packages use the same names. `invalid-input` means text that a user may have typed, such as
 * an address or a subject: a web handler should answer it with 400, and `api-misuse` with 500.
 */
export type MimeErrorKind = 'api-misuse' | 'invalid-input' | 'peer-misbehaved' | 'aborted';

/** Where an invalid value was found, and the value itself. */
export interface ErrorPlace {
  /** The property of the message or the header field, for example `to` or `Resent-To`. */
  readonly field?: string | undefined;
  /** The position in an array that was given for `field`, from 0. */
  readonly index?: number | undefined;
  /** The value, printable and shortened to 80 characters. */
  readonly value?: string | undefined;
}

interface MimeErrorOptions extends ErrorPlace {
  readonly cause?: unknown;
  readonly kind?: MimeErrorKind;
}

/** Endings of the codes whose default kind is `invalid-input`, since they concern text that a user may have typed. */
const TYPED_TEXT = /(?:MISSING|DATE|_ID|NAME|RESERVED|DUPLICATE|LINE_LENGTH|TYPE|URI|CALENDAR)$/;

const MARKER = Symbol.for('@mb/mime.error');

/**
 * The only error class of this package; match on `code`, never on the message.
 *
 * @example
 * try { parseMailbox(input) } catch (error) {
 *   if (MimeError.isInstance(error) && error.code === 'MB_MIME_ADDRESS_SYNTAX') askAgain()
 * }
 */
export class MimeError extends Error {
  override readonly name = 'MimeError';
  readonly code: MimeErrorCode;
  readonly kind: MimeErrorKind;
  /** Always false: the same input fails again. */
  readonly retryable = false;
  declare readonly field?: ErrorPlace['field'];
  declare readonly index?: ErrorPlace['index'];
  declare readonly value?: ErrorPlace['value'];

  constructor(code: MimeErrorCode, message: string, options?: MimeErrorOptions) {
    super(message, options);
    this.code = code;
    this.kind = options?.kind ?? (TYPED_TEXT.test(code) ? 'invalid-input' : 'api-misuse');
    if (options?.value !== undefined) this.value = options.value;
  }

  /** Marks errors of this class for {@link isInstance}. @internal */
  get [MARKER](): true {
    return true;
  }

  /** True for an error of this class, also if it was created by another copy of the package. */
  static isInstance(value: unknown): value is MimeError {
    return (value as Record<symbol, unknown> | null | undefined)?.[MARKER] === true;
  }
}

/** Adds `place` to an error of this package and returns it; returns any other error unchanged. */
export function locate(error: unknown, place: ErrorPlace): unknown {
  return MimeError.isInstance(error) ? Object.assign(error, place) : error;
}

/** Formats a value for an error: at most 80 printable characters of a string, or the type of anything else. */
export function describe(value: unknown): string {
  return String(typeof value === 'string' ? value : typeof value)
    .slice(0, 80)
    .replace(/[^ -~\p{L}\p{N}]/gu, '\ufffd');
}

/** Returns the set of words in a text. One call, so that bundlers can drop a set that is not used. */
export function wordSet(words: string): ReadonlySet<string> {
  return new Set(words.split(' '));
}

/** The error for a value that a header field cannot contain. */
export function unfitValue(name: string, code: MimeErrorCode = 'MB_MIME_HEADER_VALUE'): MimeError {
  return new MimeError(code, `The value for ${name} must be a string without control characters.`, {
    kind: 'invalid-input',
  });
}
