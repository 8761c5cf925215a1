import type { RecordData, RecordType } from './record.ts';
import type { Answer, FailedAnswer } from './resolver.ts';
import { type ResourceRecord, type ResponseMessage, readData } from './wire.ts';

const nxDomain = 3;

/** What a response says about a name in an alias chain. */
export type ChainStep<T extends RecordType> =
  | { readonly done: true; readonly answer: Answer<T> }
  /** The response ends in an alias without records for its target. */
  | { readonly done: false; readonly target: string; readonly aliases: number; readonly ttlSeconds: number };

/**
 * Reads the answer to a question from a response, following the aliases in it (RFC 1034 §3.6.2).
 *
 * A chain that is circular or longer than `maxAliases` is a failure with cause `cname-loop`.
 * @throws {DnsError} MB_DNS_MESSAGE_MALFORMED when a record of the answer is malformed.
 */
export function readAnswer<T extends RecordType>(
  response: ResponseMessage,
  question: { name: string; type: T; maxAliases: number },
  authentic: boolean,
): ChainStep<T> {
  const { name, type, maxAliases } = question;
  let current = name;
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (let aliases = 0; ; aliases++) {
    const records = recordsAt(response.answers, current, type);
    if (records.length > 0) {
      for (const record of records) ttlSeconds = Math.min(ttlSeconds, record.ttlSeconds);
      const data: RecordData[T][] = records.map((record) => readData(type, record));
      return {
        done: true,
        answer: { status: 'found', name, type, records: data, canonicalName: current, authentic, ttlSeconds },
      };
    }
    const alias = type === 'CNAME' ? undefined : recordsAt(response.answers, current, 'CNAME')[0];
    if (alias === undefined) {
      if (aliases > 0 && response.responseCode !== nxDomain && response.authorities.length === 0) {
        return { done: false, target: current, aliases, ttlSeconds };
      }
      const status = response.responseCode === nxDomain ? 'nxdomain' : 'nodata';
      ttlSeconds = Math.min(ttlSeconds, negativeTtl(response.authorities));
      return {
        done: true,
        answer: { status, name, type, records: [], canonicalName: current, authentic, ttlSeconds },
      };
    }
    ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds);
    current = readData('CNAME', alias).toLowerCase();
    if (aliases + 1 > maxAliases || current === name) {
      return { done: true, answer: aliasLoop(name, type) };
    }
  }
}

function recordsAt(records: readonly ResourceRecord[], name: string, type: string): ResourceRecord[] {
  return records.filter((record) => record.type === type && record.name.toLowerCase() === name);
}

/** RFC 2308 §5: the minimum of the SOA's TTL and its MINIMUM field; 0 without an SOA, so that nothing is cached. */
function negativeTtl(authorities: readonly ResourceRecord[]): number {
  const soa = authorities.find((record) => record.type === 'SOA');
  return soa === undefined ? 0 : Math.min(soa.ttlSeconds, readData('SOA', soa).minimum);
}

/** The answer for an alias chain that is circular or too long. */
export function aliasLoop(name: string, type: RecordType): FailedAnswer {
  return failedAnswer(name, type, {
    status: 'servfail',
    cause: 'cname-loop',
    scope: 'domain',
    reason: `${name} ${type}: its chain of CNAME records is circular or too long.`,
  });
}

/** The answer for a lookup that failed. */
export function failedAnswer(
  name: string,
  type: RecordType,
  failure: Pick<FailedAnswer, 'status' | 'cause' | 'scope' | 'reason'>,
): FailedAnswer {
  const { status, cause, scope, reason } = failure;
  return {
    status,
    name,
    type,
    records: [],
    canonicalName: name,
    authentic: false,
    ttlSeconds: 0,
    cause,
    scope,
    reason,
  };
}
