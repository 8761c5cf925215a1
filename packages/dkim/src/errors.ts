/** Codes of {@link DkimError}; `docs/errors.md` says what to do about each. */
export type DkimErrorCode =
  | 'MB_DKIM_OPTION'
  | 'MB_DKIM_MESSAGE_TYPE'
  | 'MB_DKIM_HEADER_SYNTAX'
  | 'MB_DKIM_HEADER_TOO_LARGE'
  | 'MB_DKIM_FROM_MISSING'
  | 'MB_DKIM_BODY_TOO_SHORT'
  | 'MB_DKIM_KEY_INVALID'
  | 'MB_DKIM_KEY_PASSPHRASE'
  | 'MB_DKIM_KEY_PUBLIC'
  | 'MB_DKIM_KEY_TYPE'
  | 'MB_DKIM_KEY_TOO_SHORT'
  | 'MB_DKIM_KEY_WINDOW'
  | 'MB_DKIM_KEY_CALLBACK'
  | 'MB_DKIM_SELF_CHECK_MISMATCH'
  | 'MB_DKIM_SELF_CHECK_DNS'
  | 'MB_DKIM_TAG_SYNTAX'
  | 'MB_DKIM_TAG_DUPLICATE'
  | 'MB_DKIM_RECORD_SYNTAX'
  | 'MB_DKIM_AUTHRES_SYNTAX'
  | 'MB_DKIM_ABORTED';

/** The kind of an error, which says where to look for its cause. */
export type DkimErrorKind =
  | 'api-misuse'
  | 'invalid-input'
  | 'peer-misbehaved'
  | 'rejected'
  | 'network'
  | 'aborted';

/** Codes about a message or key that may come from a user. */
const givenByUsers: ReadonlySet<DkimErrorCode> = new Set<DkimErrorCode>([
  'MB_DKIM_HEADER_SYNTAX',
  'MB_DKIM_HEADER_TOO_LARGE',
  'MB_DKIM_FROM_MISSING',
  'MB_DKIM_KEY_INVALID',
  'MB_DKIM_KEY_PASSPHRASE',
  'MB_DKIM_KEY_PUBLIC',
  'MB_DKIM_KEY_TYPE',
  'MB_DKIM_KEY_TOO_SHORT',
]);

const marker = Symbol.for('@mb/dkim.error');

/** Details of an error besides its message. */
export interface DkimErrorDetails {
  readonly kind?: DkimErrorKind;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/**
 * The error class of this package; match on `code`.
 *
 * Messages contain no key material and no message content.
 *
 * @example
 * try { createSigner(options) }
 * catch (error) { if (DkimError.isInstance(error) && error.code === 'MB_DKIM_KEY_PUBLIC') … }
 */
export class DkimError extends Error {
  override readonly name = 'DkimError';
  readonly code: DkimErrorCode;
  readonly kind: DkimErrorKind;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;

  constructor(code: DkimErrorCode, message: string, details: DkimErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.kind = details.kind ?? (givenByUsers.has(code) ? 'invalid-input' : 'api-misuse');
    this.retryable = details.retryable ?? false;
    Object.defineProperty(this, marker, { value: true });
  }

  /** Whether a value is a DkimError, of this or another installed copy of the package. */
  static isInstance(value: unknown): value is DkimError {
    return typeof value === 'object' && value !== null && marker in value;
  }
}

/** The error for an option that is unknown, missing, or of a wrong type or range. */
export function optionError(message: string): DkimError {
  return new DkimError('MB_DKIM_OPTION', message);
}
