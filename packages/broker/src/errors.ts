/** Who is at fault. */
export type BrokerErrorKind =
  | 'api-misuse'
  /** What a user typed: an address, a message, a recipient list. A web handler answers 400. */
  | 'invalid-input'
  | 'peer-misbehaved'
  | 'peer-incompatible'
  | 'rejected'
  | 'network'
  | 'timeout'
  | 'tls'
  | 'aborted'
  | 'internal';

/** Every code that this package throws; docs/errors.md says when, and what to do. */
export type BrokerErrorCode =
  | 'MB_BROKER_OPTION'
  | 'MB_BROKER_SELECTOR'
  | 'MB_BROKER_NO_STORE'
  | 'MB_BROKER_NO_SIGNING_KEY'
  | 'MB_BROKER_PROFILE_FAILED'
  | 'MB_BROKER_NO_RECIPIENTS'
  | 'MB_BROKER_ADDRESS'
  | 'MB_BROKER_SENDER'
  | 'MB_BROKER_TOKEN_FAILED'
  | 'MB_BROKER_RENDER_FAILED'
  | 'MB_BROKER_TEMPLATE'
  | 'MB_BROKER_TEMPLATE_VALUES'
  | 'MB_BROKER_MESSAGE_SYNTAX'
  | 'MB_BROKER_CONTENT_FAILED'
  | 'MB_BROKER_SPOOL'
  | 'MB_BROKER_NOT_FOUND'
  | 'MB_BROKER_IDEMPOTENCY_CONFLICT'
  | 'MB_BROKER_STAGED_UNKNOWN'
  | 'MB_BROKER_MESSAGE_TOO_LARGE'
  | 'MB_BROKER_MESSAGE_CORRUPT'
  | 'MB_BROKER_TRANSACTION_UNSUPPORTED'
  | 'MB_BROKER_RECORD_CONFLICT'
  | 'MB_BROKER_WEBHOOK_URL'
  | 'MB_BROKER_DOMAIN'
  | 'MB_BROKER_DOMAIN_TAKEN'
  | 'MB_BROKER_DOMAIN_KEY'
  | 'MB_BROKER_MASTER_KEY'
  | 'MB_BROKER_KEY_SERVICE'
  | 'MB_BROKER_STORE_CLOSED'
  | 'MB_BROKER_STORE_BUSY'
  | 'MB_BROKER_STORE_FAILED'
  | 'MB_BROKER_STORE_MOVED'
  | 'MB_BROKER_STORE_UNSAFE'
  | 'MB_BROKER_STORE_SCHEMA';

const MARKER = Symbol.for('@mb/broker.error');

/** What an error carries beside its code, kind and message. */
export interface BrokerErrorOptions {
  readonly cause?: unknown;
  readonly retryable?: boolean;
  readonly field?: string;
  readonly index?: number;
  readonly value?: string;
}

/**
 * The one error class of this package.
 *
 * A refused recipient or a failed host is never an error: it is an outcome. What is thrown means that
 * the broker could not do what it was asked at all. Match on `code`.
 *
 * @example
 * try {
 *   await broker.enqueue(message, { idempotencyKey: 'order-17' });
 * } catch (error) {
 *   if (!BrokerError.isInstance(error) || error.code !== 'MB_BROKER_IDEMPOTENCY_CONFLICT') throw error;
 * }
 */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: BrokerErrorCode;
  readonly kind: BrokerErrorKind;
  /** True when the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** The field of the message, or the property of the entry, that is wrong. */
  readonly field?: string;
  /** Its place in a list, from 0. */
  readonly index?: number;
  /** What was given there, shortened; never a key, a password or content. */
  readonly value?: string;

  constructor(
    code: BrokerErrorCode,
    kind: BrokerErrorKind,
    message: string,
    options: BrokerErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = kind;
    this.retryable = options.retryable ?? false;
    if (options.field !== undefined) this.field = options.field;
    if (options.index !== undefined) this.index = options.index;
    if (options.value !== undefined) this.value = options.value;
    Object.defineProperty(this, MARKER, { value: true });
  }

  /** True for a `BrokerError` of any installed version of this package. */
  static isInstance(value: unknown): value is BrokerError {
    return typeof value === 'object' && value !== null && MARKER in value;
  }
}

/** What ./option-table.ts throws for a wrong option. */
export function optionError(message: string): BrokerError {
  return new BrokerError('MB_BROKER_OPTION', 'api-misuse', message);
}
