/** One thing that was looked at in a message. */
export interface LintFinding {
  readonly check: string;
  /** `error`: large receivers refuse or hide such mail; `warning`: it counts against it; `ok`. */
  readonly severity: 'error' | 'warning' | 'ok';
  /** One sentence. */
  readonly message: string;
  /** What to do, one sentence; absent when nothing is. */
  readonly fix?: string;
}

/** A thing that is as it should be. */
export function ok(check: string, message: string): LintFinding {
  return { check, severity: 'ok', message };
}

/** A thing that counts against the message. */
export function warning(check: string, message: string, fix: string): LintFinding {
  return { check, severity: 'warning', message, fix };
}

/** A thing for which large receivers refuse or hide mail. */
export function error(check: string, message: string, fix: string): LintFinding {
  return { check, severity: 'error', message, fix };
}
