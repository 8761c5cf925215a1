/** The seven results of RFC 7208 §2.6. */
export type SpfResult = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror';

/**
 * Why a result is none, permerror or temperror.
 *
 * - `bad-domain`: the sender's domain cannot have a record (none)
 * - `no-record`: the domain publishes no SPF record (none)
 * - `several-records`, `syntax`: the record is invalid (permerror)
 * - `lookup-limit`, `void-limit`, `mx-limit`: a limit of RFC 7208 §4.6.4 is exceeded (permerror)
 * - `include-without-record`, `redirect-without-record`: the record named by the term does not exist (permerror)
 * - `time-limit`, `dns-failure`: DNS gave no answer (temperror)
 */
export type SpfProblem =
  | 'bad-domain'
  | 'no-record'
  | 'several-records'
  | 'syntax'
  | 'lookup-limit'
  | 'void-limit'
  | 'mx-limit'
  | 'include-without-record'
  | 'redirect-without-record'
  | 'time-limit'
  | 'dns-failure';

/** A step of a check. */
export interface SpfTraceEntry {
  /** The domain of the record. */
  readonly domain: string;
  /** 0 for the sender's own record, one more for each include and redirect. */
  readonly depth: number;
  /** As written in the record; `v=spf1` for the lookup of the record itself. */
  readonly term: string;
  readonly effect: 'match' | 'no-match' | 'follow' | 'error';
  /** Number of DNS-querying terms up to this step (RFC 7208 §4.6.4). */
  readonly lookups: number;
}

/** The outcome of a check. */
export interface SpfOutcome {
  readonly result: SpfResult;
  /** The domain that was checked: that of the sender, or the HELO name for the null reverse-path. */
  readonly domain: string;
  /** One sentence for users. */
  readonly reason: string;
  readonly problem?: SpfProblem;
  /** The mechanism that matched, with the domain of its record. */
  readonly match?: { readonly domain: string; readonly term: string };
  /** The explanation of a fail by the domain (RFC 7208 §6.2): untrusted text in printable ASCII. */
  readonly explanation?: string;
  /** Number of DNS-querying terms, at most 10. */
  readonly lookups: number;
  /** Number of lookups without result, at most 2. */
  readonly voidLookups: number;
  readonly trace: readonly SpfTraceEntry[];
}

/** Thrown to end a check from any depth; not visible outside of this package. */
export class SpfStop extends Error {
  readonly result: 'temperror' | 'permerror';
  readonly problem: SpfProblem;

  constructor(result: 'temperror' | 'permerror', problem: SpfProblem, reason: string) {
    super(reason);
    this.result = result;
    this.problem = problem;
  }
}
