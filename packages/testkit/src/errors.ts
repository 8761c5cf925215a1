/** Codes of {@link TestkitError}. */
export type TestkitErrorCode =
  /** An option, zone or script is invalid; the message names it. */
  | 'MB_TESTKIT_OPTION'
  /** A server could not listen on the given address or port. */
  | 'MB_TESTKIT_LISTEN'
  /** A wait ended before its condition was met. */
  | 'MB_TESTKIT_WAIT';

const MARKER = Symbol.for('@mb/testkit.error');

/** The error class of the test kit. Match on `code`; `kind` says who is at fault. */
export class TestkitError extends Error {
  readonly code: TestkitErrorCode;
  readonly kind: 'api-misuse' | 'network' | 'timeout';
  readonly retryable = false;

  constructor(code: TestkitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TestkitError';
    this.code = code;
    this.kind =
      code === 'MB_TESTKIT_OPTION' ? 'api-misuse' : code === 'MB_TESTKIT_LISTEN' ? 'network' : 'timeout';
    Object.defineProperty(this, MARKER, { value: true });
  }

  /** Whether `value` is a TestkitError, of this or another installed version. */
  static isInstance(value: unknown): value is TestkitError {
    return typeof value === 'object' && value !== null && MARKER in value;
  }
}

/** Creates the error that ./option-table.ts throws for an invalid option. */
export function optionError(message: string): TestkitError {
  return new TestkitError('MB_TESTKIT_OPTION', message);
}
