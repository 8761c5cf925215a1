import { type StoredState, storedStates } from '../recipient-state.ts';
import type { Intent } from '../recipient-transition.ts';

const intents: readonly Intent[] = [null, 'hold', 'cancel'];

/** Number of ids reserved for the recipients, and for the chunks, of one message. */
export const rowsPerMessage = 65_536;

/** A time that is never reached, in microseconds. */
export const never = Number.MAX_SAFE_INTEGER;

/** The number of a state in the tables; partial indices use 0, 2 and 3. */
export function stateCode(state: StoredState): number {
  return storedStates.indexOf(state);
}

export function stateOf(code: number): StoredState {
  const state = storedStates[code];
  if (state === undefined) throw new RangeError(`The state ${code} is unknown.`);
  return state;
}

export function intentCode(intent: Intent): number {
  return intents.indexOf(intent);
}

export function intentOf(code: number): Intent {
  return intents[code] ?? null;
}

/** Parses JSON from a column; undefined for NULL. */
export function fromJson(text: string | null): object | undefined {
  return text === null ? undefined : (JSON.parse(text) as object);
}
