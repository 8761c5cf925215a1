/** The result of one check of a message. */
export interface LintFinding {
  readonly check: string;
  /** `error`: large receivers refuse or hide such mail; `warning`: it lowers the chance of delivery; `ok`. */
  readonly severity: 'error' | 'warning' | 'ok';
  /** One sentence. */
  readonly message: string;
  /** What to do, one sentence; absent when nothing is to be done. */
  readonly fix?: string;
}

/** A check that passed. */
export function ok(check: string, message: string): LintFinding {
  return { check, severity: 'ok', message };
}

/** A check that lowers the chance of delivery. */
export function warning(check: string, message: string, fix: string): LintFinding {
  return { check, severity: 'warning', message, fix };
}

/** A check whose failure makes large receivers refuse or hide mail. */
export function error(check: string, message: string, fix: string): LintFinding {
  return { check, severity: 'error', message, fix };
}
