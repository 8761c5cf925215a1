/** Every code that `DnsError` carries; docs/errors.md says what to do about each. */
export type DnsErrorCode =
  | 'MB_DNS_OPTION'
  | 'MB_DNS_NAME_INVALID'
  | 'MB_DNS_ADDRESS_INVALID'
  | 'MB_DNS_ADDRESS_REFUSED'
  | 'MB_DNS_NO_SERVERS'
  | 'MB_DNS_MESSAGE_MALFORMED'
  | 'MB_DNS_ABORTED';

/** Who has to act on an error. */
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
 * The one error class of this package. It is thrown for misuse and for abort only: a lookup that
 * fails, a policy that is broken or a sender that is refused are results, not errors.
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

  /** True for a `DnsError` of any installed version of this package. */
  static isInstance(value: unknown): value is DnsError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[marker] === true;
  }
}

/** Throws `MB_DNS_ABORTED` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** The error for a fired signal; its reason becomes the cause. */
export function abortError(signal: AbortSignal): DnsError {
  return new DnsError('MB_DNS_ABORTED', 'The call was aborted by its signal.', { cause: signal.reason });
}

/** The error for an option that is unknown, missing, or of a wrong type or range. */
export function optionError(message: string): DnsError {
  return new DnsError('MB_DNS_OPTION', message);
}
