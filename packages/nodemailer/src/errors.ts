/** Codes of the errors that this package throws. docs/errors.md lists causes and remedies. */
export type NodemailerBridgeErrorCode =
  | 'MB_NODEMAILER_OPTION'
  | 'MB_NODEMAILER_MESSAGE'
  | 'MB_NODEMAILER_CONTENT'
  | 'MB_NODEMAILER_VERIFY'
  | 'MB_NODEMAILER_CLOSED';

/** What kind of failure it is. All `@mb` packages use the same words. */
export type NodemailerBridgeErrorKind = 'api-misuse' | 'invalid-input' | 'network' | 'aborted';

const MARKER = Symbol.for('@mb/nodemailer.error');

/** The error class of this package. Replies of mail hosts are outcomes, or errors shaped like those of nodemailer. */
export class NodemailerBridgeError extends Error {
  override readonly name = 'NodemailerBridgeError';
  readonly code: NodemailerBridgeErrorCode;
  readonly kind: NodemailerBridgeErrorKind;
  /** True when the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** The option of the message that is wrong, such as `attachments[0].path`. */
  readonly field?: string;

  constructor(
    code: NodemailerBridgeErrorCode,
    kind: NodemailerBridgeErrorKind,
    message: string,
    options: { readonly cause?: unknown; readonly retryable?: boolean; readonly field?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = kind;
    this.retryable = options.retryable ?? false;
    if (options.field !== undefined) this.field = options.field;
    Object.defineProperty(this, MARKER, { value: true });
  }

  /** True for a `NodemailerBridgeError` of any installed version of this package. */
  static isInstance(value: unknown): value is NodemailerBridgeError {
    return typeof value === 'object' && value !== null && MARKER in value;
  }
}

/** The error that ./option-table.ts throws for a wrong option. */
export function optionError(message: string): NodemailerBridgeError {
  return new NodemailerBridgeError('MB_NODEMAILER_OPTION', 'api-misuse', message);
}

/** The error for an option of a message, with the reason. */
export function messageError(field: string, reason: string): NodemailerBridgeError {
  return new NodemailerBridgeError('MB_NODEMAILER_MESSAGE', 'invalid-input', `${field} ${reason}`, { field });
}
