/** Codes of `DnsError`; docs/errors.md says what to do about each. */
export type DnsErrorCode =
  | 'MB_DNS_OPTION'
  | 'MB_DNS_NAME_INVALID'
  | 'MB_DNS_ADDRESS_INVALID'
  | 'MB_DNS_ADDRESS_REFUSED'
  | 'MB_DNS_NO_SERVERS'
  | 'MB_DNS_MESSAGE_MALFORMED'
  | 'MB_DNS_ABORTED';

/** The kind of an error, which says who has to act. */
export type DnsErrorKind = 'api-misuse' | 'invalid-input' | 'peer-misbehaved' | 'aborted';

const kinds: Record<DnsErrorCode, DnsErrorKind> = {
  MB_DNS_OPTION: 'api-misuse',
  MB_DNS_NAME_INVALID: 'invalid-input',
  MB_DNS_ADDRESS_INVALID: 'invalid-input',
  MB_DNS_ADDRESS_REFUSED: 'invalid-input',
  MB_DNS_NO_SERVERS: 'api-misuse',
  MB_DNS_MESSAGE_MALFORMED: 'peer-misbehaved',
  MB_DNS_ABORTED: 'aborted',
};

const marker = Symbol.for('@mb/dns.error');

/**
 * The error class of this package. It is thrown only for misuse and aborts: a failed lookup, an invalid policy and a
 * refused sender are results, not errors.
 *
 * @example
 * try {
 *   await resolver.query(name, 'MX', { signal });
 * } catch (error) {
 *   if (DnsError.isInstance(error) && error.code === 'MB_DNS_ABORTED') return;
 *   throw error;
 * }
 */
export class DnsError extends Error {
  override readonly name = 'DnsError';
  /** Stable code to match on. */
  readonly code: DnsErrorCode;
  /** Who has to act. */
  readonly kind: DnsErrorKind;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  readonly [marker] = true;

  constructor(code: DnsErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.kind = kinds[code];
    this.retryable = this.kind !== 'api-misuse' && this.kind !== 'invalid-input';
  }

  /** Whether `value` is a `DnsError`, of this or another installed copy of the package. */
  static isInstance(value: unknown): value is DnsError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[marker] === true;
  }
}

/** Throws `MB_DNS_ABORTED` if the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** The error for an aborted signal; its reason becomes the cause. */
export function abortError(signal: AbortSignal): DnsError {
  return new DnsError('MB_DNS_ABORTED', 'The call was aborted by its signal.', { cause: signal.reason });
}

/** The error for an option that is unknown, missing, or of a wrong type or range. */
export function optionError(message: string): DnsError {
  return new DnsError('MB_DNS_OPTION', message);
}
