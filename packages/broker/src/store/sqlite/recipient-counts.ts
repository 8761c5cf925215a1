import { type StoredState, storedStates } from '../recipient-state.ts';
import { stateCode } from './codes.ts';
import type { Sql } from './connection.ts';

/** Where a recipient waits. */
export interface WaitingPlace {
  readonly lane: number;
  readonly domain: string;
}

/** A recipient that was added or removed, or whose state changed. */
interface Moved extends WaitingPlace {
  /** Codes of states; null when the recipient was not in the lane before, or is not after. */
  readonly from: number | null;
  readonly to: number | null;
}

const updateState = 'UPDATE mb_count SET recipients = recipients + ? WHERE state = ?';
const updateLanes = `UPDATE mb_lane SET queued = queued + by.value FROM json_each(?) by
  WHERE mb_lane.id = CAST(by.key AS INTEGER)`;
/** The lanes among these whose recipients have no site yet. */
const selectUnrouted = `SELECT id FROM mb_lane WHERE id IN (SELECT CAST(key AS INTEGER) FROM json_each(?)) AND site = ''`;
const updateDomains = `INSERT INTO mb_unrouted (domain, queued) SELECT key, value FROM json_each(?) WHERE true
  ON CONFLICT (domain) DO UPDATE SET queued = queued + excluded.queued`;
const deleteEmpty = 'DELETE FROM mb_unrouted WHERE domain IN (SELECT key FROM json_each(?)) AND queued = 0';

/** States that are counted: those of recipients that are not finished. */
const countedStates = storedStates.slice(0, 4) satisfies readonly StoredState[];
const queued = stateCode('queued');

/**
 * How many recipients are in each state, and how many wait in each lane, so that statistics need not count rows. Every
 * write that inserts a recipient or changes its state or lane calls `change`; the sums are written once at the end of
 * the transaction. A write that is undone removes its changes with `mark` and `reset`.
 */
export class RecipientCounts {
  readonly #moved: Moved[] = [];
  readonly #laneChanged: (lane: number) => void;

  /** @param laneChanged  Called with each lane whose recipients have changed, when that is written. */
  constructor(laneChanged: (lane: number) => void = () => {}) {
    this.#laneChanged = laneChanged;
  }

  /** @param from  The state before; null for a new recipient, or one that comes from another lane. */
  change({ lane, domain }: WaitingPlace, from: StoredState | null, to: StoredState | null): void {
    if (from === to) return;
    const code = (state: StoredState | null) => (state === null ? null : stateCode(state));
    this.#moved.push({ lane, domain, from: code(from), to: code(to) });
  }

  /** The position for `reset`. */
  mark(): number {
    return this.#moved.length;
  }

  /** Removes what was added after `mark`. */
  reset(mark: number): void {
    this.#moved.length = mark;
  }

  /** Writes and clears the batch. */
  write(sql: Sql): void {
    if (this.#moved.length === 0) return;
    const states = countedStates.map(() => 0);
    const lanes = new Map<number, Map<string, number>>();
    for (const { lane, domain, from, to } of this.#moved) {
      this.#laneChanged(lane);
      if (from !== null && from < states.length) states[from]!--;
      if (to !== null && to < states.length) states[to]!++;
      const by = Number(to === queued) - Number(from === queued);
      if (by !== 0) add(lanes, lane, domain, by);
    }
    for (const [state, by] of states.entries()) if (by !== 0) sql.run(updateState, by, state);
    if (lanes.size > 0) writeLanes(sql, lanes);
    this.#moved.length = 0;
  }
}

function add(lanes: Map<number, Map<string, number>>, lane: number, domain: string, by: number): void {
  let domains = lanes.get(lane);
  if (!domains) {
    domains = new Map();
    lanes.set(lane, domains);
  }
  domains.set(domain, (domains.get(domain) ?? 0) + by);
}

/** Writes all lanes in a few statements, because a statement for each costs as much as the change that it counts. */
function writeLanes(sql: Sql, lanes: ReadonlyMap<number, ReadonlyMap<string, number>>): void {
  const sums: [number, number][] = [];
  for (const [lane, domains] of lanes) {
    let sum = 0;
    for (const by of domains.values()) sum += by;
    sums.push([lane, sum]);
  }
  const byLane = jsonObject(sums);
  sql.run(updateLanes, byLane);
  const unrouted = sql.all<{ id: number }>(selectUnrouted, byLane);
  // Recipients whose site is not known are shown under their domain.
  const byDomain = new Map<string, number>();
  for (const { id } of unrouted) {
    for (const [domain, by] of lanes.get(id)!) byDomain.set(domain, (byDomain.get(domain) ?? 0) + by);
  }
  const changed = [...byDomain].filter(([, by]) => by !== 0);
  if (changed.length > 0) sql.run(updateDomains, jsonObject(changed));
  const less = changed.filter(([, by]) => by < 0);
  if (less.length > 0) sql.run(deleteEmpty, jsonObject(less));
}

/** The JSON of an object. Not by `Object.fromEntries`, because a domain may be called `__proto__`. */
function jsonObject(entries: readonly (readonly [string | number, number])[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(String(key))}:${value}`).join(',')}}`;
}
