import { escapeControls } from '../printable.ts';
import type { RecordData, RecordType } from '../record.ts';
import { type Answer, isTemporary } from '../resolver.ts';

/** The answer of one address of an authoritative server; it has exactly one of `answer`, `alias` and `trouble`. */
export interface ServerAnswer<T extends RecordType = RecordType> {
  /** The zone of the server. */
  readonly zone: string;
  /** Name of the server. */
  readonly server: string;
  /** Absent if the server has none. */
  readonly address?: string;
  readonly answer?: Answer<T>;
  /** The target, if the name is an alias of a name in another zone. */
  readonly alias?: string;
  /** One sentence that says why the server could not be asked. */
  readonly trouble?: string;
}

/** The combined answer of the authoritative servers of a name. */
export interface AuthoritativeAnswer<T extends RecordType = RecordType> {
  readonly name: string;
  readonly type: T;
  /**
   * - `found`: every server has the same records
   * - `absent`: every server says that there are none
   * - `contradictory`: the answers of the servers differ
   * - `unknown`: a server gave no answer, or the servers could not be found
   */
  readonly status: 'found' | 'absent' | 'contradictory' | 'unknown';
  /** The records of all servers; empty unless `found`. */
  readonly records: readonly RecordData[T][];
  /** The zone of the name; absent if none was found. */
  readonly zone?: string;
  readonly servers: readonly ServerAnswer<T>[];
  /** Maximum time for which resolvers may cache that the records do not exist (RFC 2308 §5), in seconds. */
  readonly negativeTtlSeconds: number;
  /** One sentence for users; it names the servers that differ or do not answer. */
  readonly reason: string;
}

/** All servers say that the name is an alias of a name in another zone. */
export interface AgreedAlias {
  readonly status: 'alias';
  readonly target: string;
}

/** The answer when no server could be asked. */
export function unknownAnswer<T extends RecordType>(
  name: string,
  type: T,
  reason: string,
): AuthoritativeAnswer<T> {
  return { name, type, status: 'unknown', records: [], servers: [], negativeTtlSeconds: 0, reason };
}

/**
 * Combines the answers of all servers.
 *
 * A server has answered when one of its addresses has, since a machine without IPv6 cannot ask all of them. Every answer
 * counts: if two addresses of a server differ, that is a contradiction.
 */
export function judgeAnswers<T extends RecordType>(
  name: string,
  type: T,
  zone: string,
  servers: readonly ServerAnswer<T>[],
): AuthoritativeAnswer<T> | AgreedAlias {
  const views = new Map<string, ServerAnswer<T>[]>();
  for (const one of servers) {
    const view = viewOf(one);
    if (view !== undefined) views.set(view, [...(views.get(view) ?? []), one]);
  }
  const answered = new Set([...views.values()].flat().map(({ server }) => server));
  const silent = servers.filter(({ server }) => !answered.has(server));
  const base = { name, type, zone, servers, records: [], negativeTtlSeconds: negativeTtl(servers) };
  if (views.size > 1) {
    const shown = [...views].map(([view, who]) => `${namesOf(who)}: ${escapeControls(view.slice(0, 120))}`);
    return {
      ...base,
      status: 'contradictory',
      reason: `The servers of ${zone} differ. ${shown.join('; ')}.`,
    };
  }
  if (silent.length > 0 || servers.length === 0) {
    const { trouble, answer } = silent[0] ?? {};
    const why = trouble ?? (answer && isTemporary(answer) ? answer.reason : 'It has no servers.');
    return { ...base, status: 'unknown', reason: `${namesOf(silent) || zone} gave no answer: ${why}` };
  }
  const target = servers.find(({ alias }) => alias !== undefined)?.alias;
  if (target !== undefined) return { status: 'alias', target };
  const found = servers.find(({ answer }) => answer?.status === 'found')?.answer;
  const count = answered.size === 1 ? 'The server' : `All ${answered.size} servers`;
  const verb = answered.size === 1 ? 'has' : 'have';
  if (found) {
    const reason = `${count} of ${zone} ${verb} it.`;
    return { ...base, status: 'found', records: found.records as readonly RecordData[T][], reason };
  }
  const says = answered.size === 1 ? 'says' : 'say';
  return { ...base, status: 'absent', reason: `${count} of ${zone} ${says} that there is no such record.` };
}

/** An answer as text, which does not depend on the order of records; undefined for a failed lookup. */
function viewOf({ answer, alias }: ServerAnswer): string | undefined {
  if (alias !== undefined) return `an alias of ${alias}`;
  if (answer === undefined || isTemporary(answer)) return undefined;
  if (answer.status !== 'found') return 'none';
  return (answer.records as readonly unknown[])
    .map((record) => JSON.stringify(comparable(record)))
    .sort()
    .join(' ');
}

/** Ignores how a text is split into character-strings, and the case of names. */
function comparable(record: unknown): unknown {
  if (Array.isArray(record)) return record.join('');
  if (typeof record === 'string') return record.toLowerCase();
  // JSON turns the octets of a TLSA record into an object of numbers, which can be compared too.
  return record;
}

function negativeTtl(servers: readonly ServerAnswer[]): number {
  const negative = servers.map(
    ({ answer }) => answer && !isTemporary(answer) && answer.status !== 'found' && answer.ttlSeconds,
  );
  return Math.max(0, ...negative.map(Number));
}

function namesOf(servers: readonly ServerAnswer[]): string {
  return [
    ...new Set(
      servers.map(({ server, address }) => (address === undefined ? server : `${server} (${address})`)),
    ),
  ].join(', ');
}
