import { type StoredState, storedStates } from '../recipient-state.ts';
import { stateCode } from './codes.ts';
import type { Sql } from './connection.ts';

/** Where a recipient waits. */
export interface WaitingPlace {
  readonly lane: number;
  readonly domain: string;
}

/** A recipient that came, went or changed its state. */
interface Moved extends WaitingPlace {
  /** Codes of states; null: not there. */
  readonly from: number | null;
  readonly to: number | null;
}

const updateState = 'UPDATE mb_count SET recipients = recipients + ? WHERE state = ?';
const updateLane = 'UPDATE mb_lane SET queued = queued + ? WHERE id = ? RETURNING site';
const updateDomain = `INSERT INTO mb_unrouted (domain, queued) VALUES (?, ?)
  ON CONFLICT (domain) DO UPDATE SET queued = queued + excluded.queued`;
const deleteEmpty = 'DELETE FROM mb_unrouted WHERE domain = ? AND queued = 0';

/** States that are counted: those of recipients that are not finished. */
const countedStates = storedStates.slice(0, 4) satisfies readonly StoredState[];
const queued = stateCode('queued');

/**
 * How many recipients are in each state, and how many wait in each lane, so that no statistics have to count rows. Every
 * statement that inserts a recipient or changes its state or lane says so here; the sums are written once at the end of
 * the transaction. What is undone takes its changes along by `mark` and `reset`.
 */
export class RecipientCounts {
  readonly #moved: Moved[] = [];

  /** @param from  The state before; null for a new recipient, or one that comes from another lane. */
  change({ lane, domain }: WaitingPlace, from: StoredState | null, to: StoredState | null): void {
    if (from === to) return;
    const code = (state: StoredState | null) => (state === null ? null : stateCode(state));
    this.#moved.push({ lane, domain, from: code(from), to: code(to) });
  }

  /** The place to which `reset` goes back. */
  mark(): number {
    return this.#moved.length;
  }

  /** Forgets what was added after `mark`. */
  reset(mark: number): void {
    this.#moved.length = mark;
  }

  /** Writes and clears the batch. */
  write(sql: Sql): void {
    if (this.#moved.length === 0) return;
    const states = countedStates.map(() => 0);
    const lanes = new Map<number, Map<string, number>>();
    for (const { lane, domain, from, to } of this.#moved) {
      if (from !== null && from < states.length) states[from]!--;
      if (to !== null && to < states.length) states[to]!++;
      const by = Number(to === queued) - Number(from === queued);
      if (by === 0) continue;
      const domains = lanes.get(lane) ?? new Map<string, number>();
      lanes.set(lane, domains.set(domain, (domains.get(domain) ?? 0) + by));
    }
    for (const [state, by] of states.entries()) if (by !== 0) sql.run(updateState, by, state);
    for (const [lane, domains] of lanes) writeLane(sql, lane, domains);
    this.#moved.length = 0;
  }
}

function writeLane(sql: Sql, lane: number, domains: ReadonlyMap<string, number>): void {
  let sum = 0;
  for (const by of domains.values()) sum += by;
  const row = sql.get<{ site: string }>(updateLane, sum, lane);
  // Recipients whose site is not known are shown under their domain.
  if (row?.site !== '') return;
  for (const [domain, by] of domains) {
    if (by === 0) continue;
    sql.run(updateDomain, domain, by);
    if (by < 0) sql.run(deleteEmpty, domain);
  }
}
