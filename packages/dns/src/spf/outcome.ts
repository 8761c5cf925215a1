/** The seven results of RFC 7208 §2.6. */
export type SpfResult = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror';

/**
 * Why a result is none, permerror or temperror.
 *
 * - `bad-domain`: the sender's domain cannot have a record (none)
 * - `no-record`: the domain publishes no SPF record (none)
 * - `several-records`, `syntax`: the record is broken (permerror)
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

/** One step of a check. */
export interface SpfTraceEntry {
  /** Whose record. */
  readonly domain: string;
  /** 0 for the sender's own record, one more for each include and redirect. */
  readonly depth: number;
  /** As written in the record; `v=spf1` for the fetching of the record itself. */
  readonly term: string;
  readonly effect: 'match' | 'no-match' | 'follow' | 'error';
  /** DNS-querying terms spent when the step was over (RFC 7208 §4.6.4). */
  readonly lookups: number;
}

/** How a check ended. */
export interface SpfOutcome {
  readonly result: SpfResult;
  /** The domain that was checked: the sender's, or the HELO name's for a null sender. */
  readonly domain: string;
  /** One sentence for a person. */
  readonly reason: string;
  readonly problem?: SpfProblem;
  /** The mechanism that decided, with the domain whose record holds it. */
  readonly match?: { readonly domain: string; readonly term: string };
  /** The domain's own words on a fail (RFC 7208 §6.2): text of a stranger, printable ASCII. */
  readonly explanation?: string;
  /** DNS-querying terms spent, at most 10. */
  readonly lookups: number;
  /** Lookups without answer, at most 2. */
  readonly voidLookups: number;
  readonly trace: readonly SpfTraceEntry[];
}

/** Ends a check from any depth; never leaves this package. */
export class SpfStop extends Error {
  readonly result: 'temperror' | 'permerror';
  readonly problem: SpfProblem;

  constructor(result: 'temperror' | 'permerror', problem: SpfProblem, reason: string) {
    super(reason);
    this.result = result;
    this.problem = problem;
  }
}
