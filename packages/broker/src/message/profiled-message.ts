import type { ProfiledMessage } from '../sending-profile.ts';
import type { ClaimedMessage } from '../store/port.ts';
import { readQueuedEnvelope } from './queued-envelope.ts';

/** What the sending profile of a queued message is chosen by. */
export function profiledMessage({
  tenant,
  tag,
  sender,
  envelope,
}: Pick<ClaimedMessage, 'tenant' | 'tag' | 'sender' | 'envelope'>): ProfiledMessage {
  const { authorDomain } = readQueuedEnvelope(envelope, sender);
  return { tenant: tenant === '' ? undefined : tenant, tag, authorDomain, sender };
}
