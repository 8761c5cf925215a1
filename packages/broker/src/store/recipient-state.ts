/** Every state of a recipient in a store; SQLite and PostgreSQL store the index of a state in this list. */
export const storedStates = [
  'queued',
  'in-flight',
  'held',
  'unknown',
  'delivered',
  'failed',
  'expired',
  'cancelled',
] as const;

/** A state in a store: the public one, except that a recipient is `in-flight` while a lease holds it. */
export type StoredState = (typeof storedStates)[number];

/** State of a queued recipient. The last four never change again; see {@link isFinal}. */
export type RecipientState = Exclude<StoredState, 'in-flight'>;

/** Every state of a recipient. */
export const recipientStates = storedStates.filter((state) => state !== 'in-flight');

/** The public state: a recipient in flight is `queued`. */
export function shownState(state: StoredState): RecipientState {
  return state === 'in-flight' ? 'queued' : state;
}

const finalStates: ReadonlySet<StoredState> = new Set(['delivered', 'failed', 'expired', 'cancelled']);

/** True for states that never change again. */
export function isFinal(state: StoredState): boolean {
  return finalStates.has(state);
}
