/** Codes of the errors that this package throws; docs/errors.md says what to do about each. */
export type DashboardErrorCode = 'MB_DASHBOARD_OPTION' | 'MB_DASHBOARD_FILES';

/** Who is at fault; the same words in every package of the family. */
export type DashboardErrorKind = 'api-misuse';

const MARKER = Symbol.for('@mb/dashboard.error');

/** The one error class of this package. */
export class DashboardError extends Error {
  override readonly name = 'DashboardError';
  readonly code: DashboardErrorCode;
  readonly kind: DashboardErrorKind = 'api-misuse';
  /** True when the same call may succeed later without a change. */
  readonly retryable = false;

  constructor(code: DashboardErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    Object.defineProperty(this, MARKER, { value: true });
  }

  /** True for a `DashboardError` of any installed version of this package. */
  static isInstance(value: unknown): value is DashboardError {
    return typeof value === 'object' && value !== null && MARKER in value;
  }
}

/** What ./option-table.ts throws for a wrong option. */
export function optionError(message: string): DashboardError {
  return new DashboardError('MB_DASHBOARD_OPTION', message);
}
