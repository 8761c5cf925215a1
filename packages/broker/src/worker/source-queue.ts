import type { RecipientOutcome } from '../delivery/outcome.ts';
import { chooseSource, type EgressSource } from '../sender/egress-source.ts';
import type { ClaimedMessage } from '../store/port.ts';
import { readLastAttempt } from './last-attempt.ts';

/** Messages of a claim that leave by the same source. */
export interface SourceGroup {
  /** undefined: none is configured, and the machine chooses. */
  readonly source: EgressSource | undefined;
}

interface Waiting extends SourceGroup {
  messages: ClaimedMessage[];
}

/**
 * The messages of a claim by the source that they leave by.
 *
 * A message that was attempted before stays with its source while that works: a host that greylists by the client's
 * address takes another one for a stranger. All others leave by one source, drawn once, as a claim stands for one
 * connection.
 */
export class SourceQueue {
  readonly #sources: readonly EgressSource[];
  readonly #drawn: EgressSource | undefined;
  readonly #groups = new Map<string | undefined, Waiting>();

  constructor(sources: readonly EgressSource[], random: () => number) {
    this.#sources = sources;
    this.#drawn = chooseSource(sources, random);
  }

  add(messages: readonly ClaimedMessage[]): void {
    for (const message of messages) {
      const source = sourceOf(message, this.#sources) ?? this.#drawn;
      const group = this.#groups.get(source?.name) ?? { source, messages: [] };
      this.#groups.set(source?.name, group);
      group.messages.push(message);
    }
  }

  /** A source that messages wait for. */
  next(): SourceGroup | undefined {
    for (const group of this.#groups.values()) if (group.messages.length > 0) return group;
    return undefined;
  }

  /** Whether messages wait for another source. */
  hasOther(group: SourceGroup): boolean {
    return [...this.#groups.values()].some((other) => other !== group && other.messages.length > 0);
  }

  /** The messages that wait for a source; they wait no longer. */
  take({ source }: SourceGroup): ClaimedMessage[] {
    return this.#groups.get(source?.name)?.messages.splice(0) ?? [];
  }
}

function sourceOf(
  { recipients }: ClaimedMessage,
  sources: readonly EgressSource[],
): EgressSource | undefined {
  if (sources.length < 2) return undefined;
  for (const { lastDetail } of recipients) {
    const last = readLastAttempt(lastDetail);
    const source = last && works(last) && sources.find(({ name }) => name === last.source);
    if (source) return source;
  }
  return undefined;
}

/** Whether the source got through to a host that did not refuse it for what it is. */
function works({ address, category }: Partial<RecipientOutcome> & { category?: string }): boolean {
  return address !== undefined && category !== 'blocked' && category !== 'local';
}
