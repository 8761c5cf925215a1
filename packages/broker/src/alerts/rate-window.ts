import type { AttemptObservation } from '../observer.ts';

/** Recipients of attempts by their outcome. */
export interface RateCounts {
  readonly all: number;
  /** Those whose mail hosts were found. */
  readonly routed: number;
  /** Recipients about whom a host has replied. */
  readonly answered: number;
  readonly delivered: number;
  readonly failed: number;
  /** Refused because of the sender. */
  readonly blocked: number;
  /** Deferred with 421. */
  readonly throttled: number;
}

type Mutable = { -readonly [K in keyof RateCounts]: RateCounts[K] };

const slotMs = 60_000;
const slots = 15;
/** More providers of one minute are counted together. */
const mostProviders = 200;

const none = (): Mutable => ({
  all: 0,
  routed: 0,
  answered: 0,
  delivered: 0,
  failed: 0,
  blocked: 0,
  throttled: 0,
});

/** Outcomes of recipients in the last fifteen minutes, by provider. */
export class RateWindow {
  readonly #now: () => number;
  /** Minutes with their counts, the oldest first. */
  readonly #slots: { readonly start: number; readonly counts: Map<string, Mutable> }[] = [];

  /** Since when recipients are counted. */
  readonly #begun: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#begun = now();
  }

  /** Whether everything of the last fifteen minutes was counted. */
  isFull(): boolean {
    return this.#now() - this.#begun >= slots * slotMs;
  }

  /** @param providerOf  The name of the group of a host. */
  add({ outcomes }: AttemptObservation, providerOf: (host: string | undefined) => string): void {
    const { counts } = this.#slot();
    for (const outcome of outcomes) {
      const name = providerOf(outcome.host);
      const key = counts.has(name) || counts.size < mostProviders ? name : 'other';
      const count = counts.get(key) ?? none();
      counts.set(key, count);
      count.all++;
      if (outcome.host !== undefined) count.routed++;
      if (outcome.reply !== undefined || outcome.status === 'delivered') count.answered++;
      if (outcome.status === 'delivered') count.delivered++;
      if (outcome.status === 'failed') count.failed++;
      if ('category' in outcome && outcome.category === 'blocked') count.blocked++;
      if (outcome.reply?.code === 421) count.throttled++;
    }
  }

  total(): RateCounts {
    const sum = none();
    for (const [, counts] of this.providers()) addTo(sum, counts);
    return sum;
  }

  providers(): readonly (readonly [name: string, counts: RateCounts])[] {
    const sums = new Map<string, Mutable>();
    this.#forget();
    for (const { counts } of this.#slots) {
      for (const [name, count] of counts) {
        const sum = sums.get(name) ?? none();
        sums.set(name, sum);
        addTo(sum, count);
      }
    }
    return [...sums];
  }

  #slot() {
    this.#forget();
    const start = Math.floor(this.#now() / slotMs) * slotMs;
    const last = this.#slots.at(-1);
    if (last?.start === start) return last;
    const slot = { start, counts: new Map<string, Mutable>() };
    this.#slots.push(slot);
    return slot;
  }

  #forget(): void {
    const before = this.#now() - slots * slotMs;
    while (this.#slots[0] && this.#slots[0].start <= before) this.#slots.shift();
  }
}

function addTo(sum: Mutable, counts: RateCounts): void {
  for (const key of Object.keys(sum) as (keyof RateCounts)[]) sum[key] += counts[key];
}
