/** Codes of {@link CliError}. */
export type CliErrorCode =
  /** Flags that contradict each other, or one that is missing. */
  | 'MB_CLI_USAGE'
  /** A file that a flag names cannot be read. */
  | 'MB_CLI_FILE'
  /** The editor failed, or the message was left empty or unchanged. */
  | 'MB_CLI_EDITOR'
  /** The file of recipients of a mail merge lacks a column, is not CSV, or has rows that cannot be sent. */
  | 'MB_CLI_RECIPIENTS'
  /** The results of a mail merge belong to another file or message, are in use, or cannot be written. */
  | 'MB_CLI_RESULTS'
  /** An optional package that this command needs is not installed. */
  | 'MB_CLI_PACKAGE'
  /** `mb inbox` cannot listen on the given address and port. */
  | 'MB_CLI_LISTEN'
  /** The configuration file has wrong keys or values, or cannot be trusted or loaded. */
  | 'MB_CLI_CONFIG'
  /** The server of `--server` refused a request, or cannot be reached. */
  | 'MB_CLI_SERVER';

const MARKER = Symbol.for('@mb/cli.error');

/** A problem that the command line itself finds; the other packages have their own error classes. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;
  readonly kind: 'invalid-input' | 'aborted';
  readonly retryable = false;

  /** @param options  `kind` is `aborted` when work had begun; by default the input is wrong and nothing was done. */
  constructor(
    code: CliErrorCode,
    message: string,
    {
      kind = 'invalid-input',
      ...options
    }: ErrorOptions & { readonly kind?: 'invalid-input' | 'aborted' } = {},
  ) {
    super(message, options);
    this.code = code;
    this.kind = kind;
    Object.defineProperty(this, MARKER, { value: true });
  }

  /** True for a `CliError` of any installed version of this package. */
  static isInstance(value: unknown): value is CliError {
    return typeof value === 'object' && value !== null && MARKER in value;
  }
}

/** An error of any `@mb` package, by its shape. */
export interface CodedError extends Error {
  readonly code: string;
  readonly kind: string;
}

/** Whether `value` is an error of an `@mb` package, whose message says what to do; any other error is a defect. */
export function isCodedError(value: unknown): value is CodedError {
  return value instanceof Error && 'kind' in value && 'code' in value && /^MB_/.test(String(value.code));
}
