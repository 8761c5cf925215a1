import type { OutcomeDetail } from '../delivery/outcome.ts';
import { chooseSource, type EgressSource } from '../sender/egress-source.ts';
import type { Profile } from '../sending-profile.ts';
import type { ClaimedMessage } from '../store/port.ts';
import { readLastAttempt } from './last-attempt.ts';

/** Messages of a claim with the same profile and egress source. */
export interface SendingGroup {
  readonly profile: Profile;
  /** Undefined when none is configured; the operating system then chooses the address. */
  readonly source: EgressSource | undefined;
}

interface Waiting extends SendingGroup {
  messages: ClaimedMessage[];
}

/**
 * The messages of a claim, grouped by profile and egress source.
 *
 * A message that was attempted before keeps its source while that works, because a host that greylists by client
 * address would treat another address as new. All other messages of a profile share one source, drawn once, because a
 * claim counts as one connection.
 */
export class SendingGroups {
  readonly #random: () => number;
  readonly #drawn = new Map<Profile, EgressSource | undefined>();
  readonly #groups: Waiting[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  add(message: ClaimedMessage, profile: Profile): void {
    const source = sourceOf(message, profile.sources) ?? this.#draw(profile);
    let group = this.#groups.find((one) => one.profile === profile && one.source === source);
    if (!group) {
      group = { profile, source, messages: [] };
      this.#groups.push(group);
    }
    group.messages.push(message);
  }

  /** A group with waiting messages; undefined when there is none. */
  next(): SendingGroup | undefined {
    return this.#groups.find(({ messages }) => messages.length > 0);
  }

  /** Whether messages wait in another group. */
  hasOther(group: SendingGroup): boolean {
    return this.#groups.some((other) => other !== group && other.messages.length > 0);
  }

  /** Removes and returns the waiting messages of a group. */
  take(group: SendingGroup): ClaimedMessage[] {
    return this.#groups.find((one) => one === group)?.messages.splice(0) ?? [];
  }

  #draw(profile: Profile): EgressSource | undefined {
    if (!this.#drawn.has(profile)) this.#drawn.set(profile, chooseSource(profile.sources, this.#random));
    return this.#drawn.get(profile);
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

/** Whether the source reached a host that did not refuse it because of the sender. */
function works({ address, category }: OutcomeDetail): boolean {
  return address !== undefined && category !== 'blocked' && category !== 'local';
}
