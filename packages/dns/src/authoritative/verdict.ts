import { escapeControls } from '../printable.ts';
import type { RecordData, RecordType } from '../record.ts';
import { type Answer, isTemporary } from '../resolver.ts';

/** What one address of one authoritative server said; exactly one of `answer`, `alias` and `trouble` is there. */
export interface ServerAnswer<T extends RecordType = RecordType> {
  /** The zone that it serves. */
  readonly zone: string;
  /** Name of the server. */
  readonly server: string;
  /** Absent where the server has none. */
  readonly address?: string;
  readonly answer?: Answer<T>;
  /** Where the name is an alias of one in another zone. */
  readonly alias?: string;
  /** Why it could not be asked, a sentence. */
  readonly trouble?: string;
}

/** What the authoritative servers of a name say together. */
export interface AuthoritativeAnswer<T extends RecordType = RecordType> {
  readonly name: string;
  readonly type: T;
  /**
   * - `found`: every server has the same records
   * - `absent`: every server says that there are none
   * - `contradictory`: servers answered, and not all alike
   * - `unknown`: a server gave no answer, or the servers could not be found; nothing can be concluded
   */
  readonly status: 'found' | 'absent' | 'contradictory' | 'unknown';
  /** What all servers have; empty unless `found`. */
  readonly records: readonly RecordData[T][];
  /** The zone that decided; absent where none was found. */
  readonly zone?: string;
  readonly servers: readonly ServerAnswer<T>[];
  /** The longest time for which a resolver may remember that the records are not there (RFC 2308 §5), in seconds. */
  readonly negativeTtlSeconds: number;
  /** One sentence for a person; it names the servers that differ or are silent. */
  readonly reason: string;
}

/** All servers say that the name is an alias of one in another zone. */
export interface AgreedAlias {
  readonly status: 'alias';
  readonly target: string;
}

/** The answer where no server could be asked. */
export function unknownAnswer<T extends RecordType>(
  name: string,
  type: T,
  reason: string,
): AuthoritativeAnswer<T> {
  return { name, type, status: 'unknown', records: [], servers: [], negativeTtlSeconds: 0, reason };
}

/**
 * What follows from the answers of all servers.
 *
 * A server has answered when one of its addresses has: a machine without IPv6 can ask only half of them. Every answer
 * counts, so that two addresses of one server that differ are a contradiction.
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
    const told = [...views].map(([view, who]) => `${namesOf(who)}: ${escapeControls(view.slice(0, 120))}`);
    return { ...base, status: 'contradictory', reason: `The servers of ${zone} differ. ${told.join('; ')}.` };
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

/** An answer as text, the same for the same answer in any order; undefined for none. */
function viewOf({ answer, alias }: ServerAnswer): string | undefined {
  if (alias !== undefined) return `an alias of ${alias}`;
  if (answer === undefined || isTemporary(answer)) return undefined;
  if (answer.status !== 'found') return 'none';
  return (answer.records as readonly unknown[])
    .map((record) => JSON.stringify(comparable(record)))
    .sort()
    .join(' ');
}

/** How a text is cut into character-strings does not matter to its readers. */
function comparable(record: unknown): unknown {
  if (Array.isArray(record)) return record.join('');
  if (typeof record === 'string') return record.toLowerCase();
  // JSON has no octets: those of a TLSA record are an object of numbers, which compares as well.
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
