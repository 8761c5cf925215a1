import { checkArgument, hasFields } from './argument.ts';
import { optionError } from './errors.ts';
import { type OptionTable, signal, withMethods } from './option-table.ts';
import type { RecordData, RecordType } from './record.ts';

/** What every lookup in this package goes through; `createResolver` and `createMemoryResolver` make one. */
export interface Resolver {
  /**
   * Asks for the records of one type at one name.
   *
   * @param name  domain name in A-labels or U-labels; it is taken as absolute, no search list applies.
   * @returns the answer; a lookup that fails is an answer too, never an exception.
   * @throws {DnsError} MB_DNS_ABORTED when `signal` fires, MB_DNS_NAME_INVALID when `name` cannot be
   *   put into a query.
   */
  query<T extends RecordType>(name: string, type: T, options?: QueryOptions): Promise<Answer<T>>;
}

/** Options of one lookup. */
export interface QueryOptions {
  /** Ends the lookup with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link QueryOptions} accepts. */
export const queryOptions = { signal: signal() } satisfies OptionTable<QueryOptions>;

/** Throws MB_DNS_OPTION for anything that is not a resolver, such as one that was forgotten. */
export function checkResolver(resolver: Resolver, where: string): void {
  if (resolverRow.accepts(resolver)) return;
  throw optionError(`${where}: resolver must be ${resolverRow.wanted}; createResolver makes one.`);
}

const resolverRow = withMethods<Resolver>('query');

/** How a lookup ended, distinguished by `status`. */
export type Answer<T extends RecordType = RecordType> =
  | FoundAnswer<T>
  | NoDataAnswer
  | NxDomainAnswer
  | FailedAnswer;

interface AnswerBase {
  /** The name asked for, as `normalizeDomain` writes it. */
  readonly name: string;
  readonly type: RecordType;
  /** The name at the end of the CNAME chain; `name` when there is none. */
  readonly canonicalName: string;
  /**
   * DNSSEC proved this answer: the AD bit came from a resolver that is trusted (RFC 4035 §3.2.3).
   * False for failures and for answers of resolvers that are not trusted.
   */
  readonly authentic: boolean;
  /** Seconds for which the answer may still be used; 0 for failures. */
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

/** No usable answer; asking again later may help. */
export interface FailedAnswer extends AnswerBase {
  /**
   * - `servfail`: a server refused, failed, sent garbage or could not be reached; `cause` says which
   * - `bogus`: a validating resolver found the zone's signatures broken (RFC 4035 §5.5)
   * - `timeout`: no server answered within the deadline
   */
  readonly status: 'servfail' | 'bogus' | 'timeout';
  readonly records: readonly never[];
  readonly cause: FailureCause;
  readonly scope: FailureScope;
  /** One sentence for a person; it names the server. */
  readonly reason: string;
}

/**
 * Whose trouble a failed lookup is.
 *
 * - `domain`: a server answered, so what failed lies behind it, with the servers of the name.
 * - `local`: no server could be reached (nothing listens, no network), or none was asked for want of time.
 *
 * Silence and REFUSED from all servers fit both: they are `domain` when another lookup of the resolver got a good
 * answer within the last minute, else `local`.
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

/** True when the lookup failed in a way that may pass: SERVFAIL, bogus or timeout. */
export function isTemporary(answer: Answer): answer is FailedAnswer {
  checkArgument(hasFields(answer, 'string', 'status'), 'isTemporary: answer', 'an answer of a resolver');
  return answer.status === 'servfail' || answer.status === 'bogus' || answer.status === 'timeout';
}
