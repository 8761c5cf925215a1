import type { Sql } from './connection.ts';
import type { Site } from './site.ts';

/** A lane with recipients that wait. */
export interface LaneDepth {
  readonly id: number;
  readonly site: string;
  readonly queued: number;
  /** Epoch milliseconds of the earliest one. */
  readonly due: number;
}

/** With more lanes, sites or changes than this nothing is kept: such a queue is read as a whole each time. */
const mostKept = 20_000;

/**
 * What `stats()` has read of lanes and sites, so that the next time it reads only what has changed since. Every write of
 * this connection names the lanes and sites that it changes; after a write of another one everything is read again. What
 * a transaction that may still be undone has written is not kept.
 */
export class StatsCache {
  #lanes: Map<number, LaneDepth> | undefined;
  readonly #sites = new Map<string, Site>();
  readonly #changedLanes = new Set<number>();
  #dataVersion: number | undefined;
  #generation = 0;
  #keeps = true;

  /** A write has changed what waits in a lane. */
  laneChanged(id: number): void {
    this.#changedLanes.add(id);
    if (this.#changedLanes.size > mostKept) this.forget();
  }

  /** A write has changed a row of the table of sites. */
  siteChanged(name: string): void {
    this.#sites.delete(name);
  }

  /** What was read is not true any more. */
  forget(): void {
    this.#generation++;
    this.#lanes = undefined;
    this.#sites.clear();
    this.#changedLanes.clear();
  }

  /** Called before each reading. Forgets everything when another connection has written to the file. */
  check(sql: Sql): void {
    const version = sql.get<{ data_version: number }>('PRAGMA data_version')?.data_version;
    this.#keeps = !sql.inTransaction;
    if (!this.#keeps || version !== this.#dataVersion) this.forget();
    this.#dataVersion = version;
  }

  /** Grows when everything is forgotten. */
  get generation(): number {
    return this.#generation;
  }

  /** The lanes as they were read, some of which may have changed; undefined: they must be read. */
  get lanes(): ReadonlyMap<number, LaneDepth> | undefined {
    return this.#lanes;
  }

  /** Keeps all lanes, unless everything was forgotten since the reading began. */
  keepLanes(lanes: Map<number, LaneDepth>, generation: number): void {
    if (this.#keeps && generation === this.#generation && lanes.size <= mostKept) this.#lanes = lanes;
  }

  /** Up to `most` of the lanes that have changed since they were read. */
  changedLanes(most: number): number[] {
    const changed: number[] = [];
    for (const id of this.#changedLanes) {
      if (changed.length === most) break;
      changed.push(id);
    }
    return changed;
  }

  /** Replaces the lanes that were asked for by what was found: those that are not found have nothing that waits. */
  replaceLanes(asked: readonly number[], found: readonly LaneDepth[]): void {
    for (const id of asked) {
      this.#changedLanes.delete(id);
      this.#lanes?.delete(id);
    }
    for (const lane of found) this.#lanes?.set(lane.id, lane);
  }

  /** A site as it was read. */
  site(name: string): Site | undefined {
    return this.#sites.get(name);
  }

  keepSite(site: Site): void {
    if (!this.#keeps) return;
    if (this.#sites.size >= mostKept) this.#sites.clear();
    this.#sites.set(site.name, site);
  }
}
