import type { OutcomeDetail } from '../delivery/outcome.ts';
import { chooseSource, type EgressSource } from '../sender/egress-source.ts';
import type { Profile } from '../sending-profile.ts';
import type { ClaimedMessage } from '../store/port.ts';
import { readLastAttempt } from './last-attempt.ts';

/** Messages of a claim that are sent as the same sender, from the same addresses. */
export interface SendingGroup {
  readonly profile: Profile;
  /** undefined: none is configured, and the machine chooses. */
  readonly source: EgressSource | undefined;
}

interface Waiting extends SendingGroup {
  messages: ClaimedMessage[];
}

/**
 * The messages of a claim by who sends them and the source that they leave by.
 *
 * A message that was attempted before stays with its source while that works: a host that greylists by the client's
 * address takes another one for a stranger. All others of a profile leave by one source, drawn once, as a claim stands
 * for one connection.
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

  /** A group that messages wait in. */
  next(): SendingGroup | undefined {
    return this.#groups.find(({ messages }) => messages.length > 0);
  }

  /** Whether messages wait in another group. */
  hasOther(group: SendingGroup): boolean {
    return this.#groups.some((other) => other !== group && other.messages.length > 0);
  }

  /** The messages that wait in a group; they wait no longer. */
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

/** Whether the source got through to a host that did not refuse it for what it is. */
function works({ address, category }: OutcomeDetail): boolean {
  return address !== undefined && category !== 'blocked' && category !== 'local';
}
