import { useState } from 'preact/hooks';
import { api, dataOf, type Schemas } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { Check } from '../field.tsx';
import { plural } from '../format.ts';
import { act, State } from '../parts.tsx';
import { goTo } from '../route.ts';

type Recipient = Schemas['QueuedMessage']['recipients'][number];

/** Most recipients that are offered one by one. */
const shownRecipients = 200;

/** Whether a recipient may get the message again: it waits for nothing. */
export function isFinished({ state }: Recipient): boolean {
  return state !== 'queued' && state !== 'held';
}

/** Asks which recipients get a message again, and accepts it as a new one. */
export function Resend({
  id,
  recipients,
  onClose,
}: {
  readonly id: string;
  readonly recipients: readonly Recipient[];
  readonly onClose: () => void;
}) {
  const offered = recipients.slice(0, shownRecipients);
  // Recipients that have it already are not chosen by default.
  const [chosen, setChosen] = useState<ReadonlySet<string>>(
    () => new Set(offered.filter(({ state }) => state !== 'delivered').map(({ address }) => address)),
  );
  const toggle = (address: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(address);
    else next.delete(address);
    setChosen(next);
  };
  return (
    <Dialog
      title="Send the message again"
      confirm={`Send to ${plural(chosen.size, 'recipient')}`}
      ready={chosen.size > 0}
      onConfirm={() =>
        void act(async () => {
          const again = dataOf(
            await api.POST('/v1/messages/{id}/resend', {
              params: { path: { id } },
              body: { recipients: [...chosen] },
            }),
          );
          onClose();
          if (again.id === undefined) return 'No recipient was accepted: all are suppressed.';
          goTo('message', again.id);
          return `Message ${again.id} is accepted.`;
        })
      }
      onClose={onClose}
    >
      <p>A new message with the same content is accepted. Recipients of the first one may get it twice.</p>
      {offered.map(({ address, state }) => (
        <Check key={address} checked={chosen.has(address)} onChange={(on) => toggle(address, on)}>
          {address} <State value={state} />
        </Check>
      ))}
      {recipients.length > shownRecipients && (
        <p class="muted">The first {shownRecipients} are offered; use the API for the others.</p>
      )}
    </Dialog>
  );
}
