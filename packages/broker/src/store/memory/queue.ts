import { isAllowedSpeed, type Learned, mergeLearned, nothingLearned, type SiteSpeed } from '../learned.ts';
import { hasOwnSettings } from '../own-settings.ts';
import type { SiteFeedback, SiteLimits } from '../pacing.ts';
import { allowedConnections, applyFeedback, freshPacing, wakePacing } from '../pacing.ts';
import { type ClaimRequest, type SiteKey, type SiteSettings, type SiteView, unrouted } from '../port.ts';
import { returnToRates, takeFromRates } from '../rate.ts';
import { IndexedHeap } from './indexed-heap.ts';
import { deadlineBefore, dueBefore, type Lane, type Lease, type RecipientRow, type Site } from './records.ts';

/** What distinguishes the lanes of a site. */
export interface LaneKey {
  readonly tenant: string;
  readonly priority: number;
}

/** Lanes in turn: the tenant that was served longest ago first, and its highest priority first. */
function inTurn(lanes: ReadonlyMap<string, Lane> = new Map()): Lane[] {
  return [...lanes.values()].sort((a, b) => a.turn.served - b.turn.served || a.priority - b.priority);
}

/** Sites with their lanes and leases, and the waiting recipients in their order. */
export class MemoryQueue {
  readonly #limits: SiteLimits;
  readonly #sites = new Map<SiteKey, Site>();
  readonly #leases = new Map<string, Lease>();
  /** All waiting recipients, whatever their sites allow. */
  readonly #deadlines = new IndexedHeap<RecipientRow>(deadlineBefore);
  #leaseIds = 0;
  /** Counts turns, so that the lane or site that was served longest ago comes first. */
  #turns = 0;

  constructor(limits: SiteLimits) {
    this.#limits = limits;
  }

  /** Adds a waiting recipient. */
  add(row: RecipientRow): void {
    row.lane.queued.add(row);
    // The lane has a recipient that is not being routed, so its hold ends.
    row.lane.heldUntil = 0;
    this.#deadlines.add(row);
  }

  /** Removes a waiting recipient. */
  remove(row: RecipientRow): void {
    row.lane.queued.delete(row);
    this.#deadlines.delete(row);
  }

  /** The lane of a new recipient; that of its domain if it has no site and the domain has settings of its own. */
  laneFor(domain: string, site: SiteKey, record: LaneKey, now: number): Lane {
    return this.lane(site === unrouted && this.isOwnSite(domain, now) ? domain : site, record);
  }

  /** Returns due recipients without a site, lanes in turn, and holds these lanes until `until`. */
  takeUnrouted(max: number, now: number, until: number): RecipientRow[] {
    const rows: RecipientRow[] = [];
    for (const lane of inTurn(this.#sites.get(unrouted)?.lanes)) {
      if (rows.length === max) break;
      if (lane.heldUntil > now || (lane.queued.first?.due ?? Number.POSITIVE_INFINITY) > now) continue;
      lane.turn.served = ++this.#turns;
      lane.heldUntil = until;
      for (let row = lane.queued.first; row && row.due <= now; row = lane.queued.first) {
        if (rows.length === max) break;
        lane.queued.delete(row);
        rows.push(row);
      }
    }
    for (const row of rows) row.lane.queued.add(row);
    return rows;
  }

  /** Moves a recipient to another lane. */
  move(row: RecipientRow, lane: Lane): void {
    row.lane.heldUntil = 0;
    if (row.state === 'queued') this.remove(row);
    row.lane = lane;
    if (row.state === 'queued') this.add(row);
  }

  lane(key: SiteKey, { tenant, priority }: LaneKey): Lane {
    const site = this.#site(key);
    const name = `${priority} ${tenant}`;
    let lane = site.lanes.get(name);
    if (!lane) {
      const turn = site.turns.get(tenant) ?? { served: 0 };
      site.turns.set(tenant, turn);
      lane = { site, priority, turn, queued: new IndexedHeap(dueBefore), heldUntil: 0 };
      site.lanes.set(name, lane);
    }
    return lane;
  }

  lease(id: string): Lease | undefined {
    return this.#leases.get(id);
  }

  /** The site whose turn it is, of those that may be claimed now. */
  nextSite(now: number, slowest?: SiteSpeed): Site | undefined {
    let chosen: Site | undefined;
    for (const site of this.#sites.values()) {
      if (site.key === unrouted || !isAllowedSpeed(site.learned.speed, slowest)) continue;
      site.pacing = wakePacing(site.pacing, this.#limitsOf(site), site.usedAt, now);
      if (chosen && chosen.served <= site.served) continue;
      if (this.#hasRoom(site) && (this.#readyAt(site, now) ?? Number.POSITIVE_INFINITY) <= now) chosen = site;
    }
    return chosen;
  }

  /** Begins a lease; a lease without a site is for overdue recipients. */
  begin(request: ClaimRequest, site: Site | undefined, now: number): Lease {
    const id = String(++this.#leaseIds);
    const { worker, leaseMs } = request;
    const lease = { id, worker, site, recipients: new Set<RecipientRow>(), expiresAt: now + leaseMs };
    this.#leases.set(id, lease);
    if (site) {
      site.leases.add(lease);
      site.served = ++this.#turns;
      site.usedAt = now;
    }
    return lease;
  }

  end(lease: Lease): void {
    this.#leases.delete(lease.id);
    lease.site?.leases.delete(lease);
  }

  /** Leases that have run out. */
  expired(now: number): Lease[] {
    return [...this.#leases.values()].filter(({ expiresAt }) => expiresAt <= now);
  }

  /** Takes due recipients of a site for a lease, from its tenants in turn, within the site's rates. */
  take(lease: Lease, site: Site, max: number, now: number): RecipientRow[] {
    const { rates } = this.#limitsOf(site);
    const { granted } = takeFromRates(rates, site.arrivals, now, max);
    const rows: RecipientRow[] = [];
    for (const lane of inTurn(site.lanes)) {
      if (rows.length === granted) break;
      if (!lane.queued.first || lane.queued.first.due > now) continue;
      lane.turn.served = ++this.#turns;
      for (let row = lane.queued.first; row && row.due <= now; row = lane.queued.first) {
        if (rows.length === granted) break;
        this.#hand(row, lease);
        rows.push(row);
      }
    }
    site.arrivals = takeFromRates(rates, site.arrivals, now, rows.length).arrivals;
    return rows;
  }

  /** Takes waiting recipients whose deadline has passed, for a lease of their own; undefined when there are none. */
  takeOverdue(request: ClaimRequest, now: number): { lease: Lease; rows: RecipientRow[] } | undefined {
    if ((this.#deadlines.first?.deadline ?? Number.POSITIVE_INFINITY) > now) return undefined;
    const lease = this.begin(request, undefined, now);
    const rows: RecipientRow[] = [];
    for (let row = this.#deadlines.first; row && row.deadline <= now; row = this.#deadlines.first) {
      if (rows.length === request.max) break;
      this.#hand(row, lease);
      rows.push(row);
    }
    return { lease, rows };
  }

  /** When something may be claimed, is overdue, or has a lost lease; undefined when nothing waits. */
  nextDueAt(now: number, slowest?: SiteSpeed): number | undefined {
    const times = [...this.#leases.values()].map(({ expiresAt }) => expiresAt);
    if (this.#deadlines.first) times.push(this.#deadlines.first.deadline);
    for (const { queued, heldUntil } of this.#sites.get(unrouted)?.lanes.values() ?? []) {
      if (queued.first) times.push(Math.max(queued.first.due, heldUntil));
    }
    for (const site of this.#sites.values()) {
      if (site.key === unrouted || !isAllowedSpeed(site.learned.speed, slowest)) continue;
      // A site without a free connection is woken by the settlement that frees one.
      const readyAt = this.#hasRoom(site) ? this.#readyAt(site, now) : undefined;
      if (readyAt !== undefined) times.push(readyAt);
    }
    return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b));
  }

  /** Records what a connection showed about its site. */
  applySiteFeedback(site: Site, feedback: SiteFeedback, now: number): void {
    site.pacing = applyFeedback(site.pacing, feedback, this.#limitsOf(site), site.leases.size, now);
  }

  /** Records what was learnt about a site and its hosts. */
  learn(site: Site, report: Partial<Learned>): void {
    site.learned = mergeLearned(site.learned, report);
  }

  /** Gives back to the rates of a site what was not used. */
  giveBack(site: Site, count: number): void {
    site.arrivals = returnToRates(this.#limitsOf(site).rates, site.arrivals, count);
  }

  change(key: SiteKey, { suspended, note, limits, pauseMs }: SiteSettings, now: number): void {
    const site = this.#site(key);
    if (suspended !== undefined) site.suspended = suspended;
    if (note !== undefined) site.note = note;
    if (limits !== undefined) site.limits = { ...limits };
    if (pauseMs === undefined) return;
    const pause = pauseMs > 0;
    const pausedUntil = pause ? now + Math.ceil(pauseMs) : 0;
    site.pacing = { ...site.pacing, pausedUntil, pauseReason: pause ? 'operator' : null };
  }

  /** See {@link hasOwnSettings}. */
  isOwnSite(key: SiteKey, now: number): boolean {
    const site = this.#sites.get(key);
    return site !== undefined && hasOwnSettings(site, now);
  }

  /** Sites that have waiting recipients or open connections, or are suspended; those with most recipients first. */
  views(now: number): SiteView[] {
    const byDomain = new Map<string, RecipientRow[]>();
    for (const { queued } of this.#sites.get(unrouted)?.lanes.values() ?? []) {
      for (const row of queued.items()) {
        const rows = byDomain.get(row.domain);
        if (rows) rows.push(row);
        else byDomain.set(row.domain, [row]);
      }
    }
    for (const domain of byDomain.keys()) this.#site(domain);
    return [...this.#sites.values()]
      .filter(({ key }) => key !== unrouted)
      .map((site) => this.#view(site, now, byDomain.get(site.key) ?? []))
      .filter((site) => site.queued > 0 || site.connections > 0 || site.suspended)
      .sort((a, b) => b.queued - a.queued);
  }

  /** One site as in {@link MemoryQueue.views}, even one without recipients; undefined when nothing is known of it. */
  view(key: SiteKey, now: number): SiteView | undefined {
    if (key === unrouted) return undefined;
    const rows: RecipientRow[] = [];
    for (const { queued } of this.#sites.get(unrouted)?.lanes.values() ?? []) {
      for (const row of queued.items()) if (row.domain === key) rows.push(row);
    }
    const known = this.#sites.has(key) || rows.length > 0;
    return known ? this.#view(this.#site(key), now, rows) : undefined;
  }

  #site(key: SiteKey): Site {
    let site = this.#sites.get(key);
    if (!site) {
      site = {
        key,
        lanes: new Map(),
        turns: new Map(),
        leases: new Set(),
        pacing: freshPacing(this.#limits),
        arrivals: [],
        learned: nothingLearned,
        limits: {},
        suspended: false,
        note: undefined,
        usedAt: 0,
        served: 0,
      };
      this.#sites.set(key, site);
    }
    return site;
  }

  #limitsOf(site: Site): SiteLimits {
    return { ...this.#limits, ...site.limits };
  }

  #hasRoom(site: Site): boolean {
    return site.leases.size < allowedConnections(site.pacing, this.#limitsOf(site));
  }

  /** When the site may be claimed if a connection is free; undefined when nothing waits or it is suspended. */
  #readyAt(site: Site, now: number): number | undefined {
    if (site.suspended) return undefined;
    let due: number | undefined;
    for (const { queued } of site.lanes.values()) {
      if (queued.first) due = Math.min(due ?? queued.first.due, queued.first.due);
    }
    if (due === undefined) return undefined;
    const { readyAt } = takeFromRates(this.#limitsOf(site).rates, site.arrivals, now, 1);
    return Math.max(due, site.pacing.pausedUntil, readyAt);
  }

  #hand(row: RecipientRow, lease: Lease): void {
    this.remove(row);
    row.state = 'in-flight';
    row.lease = lease;
    lease.recipients.add(row);
  }

  /** @param unroutedRows  Recipients of the domain of this name whose site is not known. */
  #view(site: Site, now: number, unroutedRows: readonly RecipientRow[]): SiteView {
    const limits = this.#limitsOf(site);
    const lanes = [...site.lanes.values()];
    const due = [
      ...lanes.flatMap(({ queued }) => queued.first?.due ?? []),
      ...unroutedRows.map((row) => row.due),
    ];
    const paused = site.pacing.pausedUntil > now;
    return {
      site: site.key,
      queued: lanes.reduce((sum, { queued }) => sum + queued.size, unroutedRows.length),
      connections: site.leases.size,
      concurrency: allowedConnections(site.pacing, limits),
      ...(paused && { pausedUntil: site.pacing.pausedUntil }),
      ...(paused && site.pacing.pauseReason && { pauseReason: site.pacing.pauseReason }),
      suspended: site.suspended,
      ...(site.note !== undefined && { note: site.note }),
      limits,
      learned: site.learned,
      ...(due.length > 0 && { oldestDueAt: due.reduce((a, b) => Math.min(a, b)) }),
    };
  }
}
