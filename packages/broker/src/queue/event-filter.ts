import { list, type OptionTable, text, word } from '../option-table.ts';
import { type QueueEvent, type QueueEventType, queueEventTypes } from '../store/queue-event.ts';

/** Which events a handler or a webhook gets. All conditions must hold; an absent condition matches every event. */
export interface EventFilter<Type extends string = QueueEventType> {
  readonly types?: readonly Type[] | undefined;
  /** Only events of this tenant's messages. */
  readonly tenant?: string | undefined;
  /** Only events of messages with one of these tags. */
  readonly tags?: readonly string[] | undefined;
  /** Only events of recipients at one of these domains, in any case. `accepted` has no recipient. */
  readonly domains?: readonly string[] | undefined;
}

const word255 = text('a text of 1 to 255 characters without controls', { pattern: /^[^\p{Cc}]{1,255}$/u });

/** What {@link EventFilter} accepts. Empty is not absent: an empty list is refused. */
export const eventFilterOptions = {
  types: list(word(queueEventTypes), 1),
  tenant: word255,
  tags: list(word255, 1),
  domains: list(text('a domain such as "example.com"', { pattern: /^[^\s@,;]{1,255}$/ }), 1),
} satisfies OptionTable<EventFilter>;

/** Returns the function that tells whether an event matches a filter. */
export function matchEvents({
  types,
  tenant,
  tags,
  domains,
}: EventFilter<string>): (event: QueueEvent) => boolean {
  const wantedTypes = types && new Set(types);
  const wantedTags = tags && new Set(tags);
  const wantedDomains = domains && new Set(domains.map((domain) => domain.toLowerCase()));
  return (event) => {
    if (wantedTypes && !wantedTypes.has(event.type)) return false;
    if (tenant !== undefined && event.tenant !== tenant) return false;
    if (wantedTags && (event.tag === undefined || !wantedTags.has(event.tag))) return false;
    return !wantedDomains || (event.address !== undefined && wantedDomains.has(domainOf(event.address)));
  };
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}
