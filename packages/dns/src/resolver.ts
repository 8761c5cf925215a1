import { checkArgument, hasFields } from './argument.ts';
import { optionError } from './errors.ts';
import { type OptionTable, signal, withMethods } from './option-table.ts';
import type { RecordData, RecordType } from './record.ts';

/** Looks up DNS records; `createResolver` and `createMemoryResolver` make one. */
export interface Resolver {
  /**
   * Looks up the records of one type at a name.
   *
   * @param name  An absolute domain name in A-labels or U-labels; search lists are not used.
   * @returns The answer; a failed lookup is an answer too, not an exception.
   * @throws {DnsError} MB_DNS_ABORTED when `signal` aborts, MB_DNS_NAME_INVALID when `name` is invalid.
   */
  query<T extends RecordType>(name: string, type: T, options?: QueryOptions): Promise<Answer<T>>;
}

/** Options of one lookup. */
export interface QueryOptions {
  /** Aborts the lookup with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link QueryOptions} accepts. */
export const queryOptions = { signal: signal() } satisfies OptionTable<QueryOptions>;

/** Throws MB_DNS_OPTION for anything that is not a resolver. */
export function checkResolver(resolver: Resolver, where: string): void {
  if (resolverRow.accepts(resolver)) return;
  throw optionError(`${where}: resolver must be ${resolverRow.wanted}; createResolver makes one.`);
}

const resolverRow = withMethods<Resolver>('query');

/** The answer to a lookup, a union on `status`. */
export type Answer<T extends RecordType = RecordType> =
  | FoundAnswer<T>
  | NoDataAnswer
  | NxDomainAnswer
  | FailedAnswer;

interface AnswerBase {
  /** The name of the question, as returned by `normalizeDomain`. */
  readonly name: string;
  readonly type: RecordType;
  /** The name at the end of the CNAME chain; `name` when there is none. */
  readonly canonicalName: string;
  /**
   * Whether DNSSEC authenticated this answer: a trusted resolver set the AD bit (RFC 4035 §3.2.3). False for failures.
   */
  readonly authentic: boolean;
  /** How long the answer may still be used, in seconds; 0 for failures. */
  readonly ttlSeconds: number;
}

/** The name has records of the type. */
export interface FoundAnswer<T extends RecordType = RecordType> extends AnswerBase {
  readonly status: 'found';
  readonly type: T;
  /** At least one record. */
  readonly records: readonly RecordData[T][];
  /** True when the answer is past its TTL and no server could be reached (RFC 8767). */
  readonly stale?: true;
}

/** The name exists, but has no records of the type (RFC 2308 §2.2). */
export interface NoDataAnswer extends AnswerBase {
  readonly status: 'nodata';
  readonly records: readonly never[];
}

/** The name does not exist (RFC 2308 §2.1). */
export interface NxDomainAnswer extends AnswerBase {
  readonly status: 'nxdomain';
  readonly records: readonly never[];
}

/** The lookup failed; a later one may succeed. */
export interface FailedAnswer extends AnswerBase {
  /**
   * - `servfail`: a server refused, failed, sent a malformed answer or could not be reached; `cause` says which
   * - `bogus`: DNSSEC validation failed (RFC 4035 §5.5)
   * - `timeout`: no server answered within the deadline
   */
  readonly status: 'servfail' | 'bogus' | 'timeout';
  readonly records: readonly never[];
  readonly cause: FailureCause;
  readonly scope: FailureScope;
  /** One sentence for users; it names the server. */
  readonly reason: string;
}

/**
 * What a failed lookup concerns.
 *
 * - `domain`: a server answered, so the cause is the servers of the name.
 * - `local`: no server could be reached, or no server was asked in time.
 *
 * Timeout or REFUSED from all servers may be either: it is `domain` if another lookup got a good answer within the last
 * minute, otherwise `local`.
 */
export type FailureScope = 'local' | 'domain';

/**
 * Why a lookup failed.
 * `response-code`: SERVFAIL, REFUSED and the like; `malformed`: an answer that cannot be decoded;
 * `cname-loop`: an alias chain that is circular or too long; `network`: the server is unreachable;
 * `deadline`: no answer in time; `validation`: DNSSEC.
 */
export type FailureCause =
  | 'response-code'
  | 'malformed'
  | 'cname-loop'
  | 'network'
  | 'deadline'
  | 'validation';

/** Whether the lookup failed, so that a later one may succeed: SERVFAIL, bogus or timeout. */
export function isTemporary(answer: Answer): answer is FailedAnswer {
  checkArgument(hasFields(answer, 'string', 'status'), 'isTemporary: answer', 'an answer of a resolver');
  return answer.status === 'servfail' || answer.status === 'bogus' || answer.status === 'timeout';
}
