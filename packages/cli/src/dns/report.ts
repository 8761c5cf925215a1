/** What a lookup command prints: lines for a person, a value for `--json`, and how it ended. */
export interface LookupReport {
  readonly lines: readonly string[];
  readonly value: unknown;
  /** `found` exits with 0, `absent` with 1, `failed` (try again) with 2. */
  readonly ending: 'found' | 'absent' | 'failed';
}

/** Exit code of each ending. */
export const exitCodes: Readonly<Record<LookupReport['ending'], number>> = { found: 0, absent: 1, failed: 2 };
