import type { Clock } from '../clock.ts';
import {
  allowedConnections,
  applyFeedback,
  freshPacing,
  type Pacing,
  type SiteFeedback,
  type SiteLimits,
  wakePacing,
} from '../store/pacing.ts';
import { wait } from '../wait.ts';

interface Destination {
  pacing: Pacing;
  running: number;
  usedAt: number;
  /** Work that waits for a slot, in order. */
  readonly waiting: Set<() => void>;
}

/** Destinations remembered while nothing is under way there. */
const mostIdle = 1_000;

/**
 * The deliveries that are made at once at each destination, for those who send without a queue: as many connections as
 * the queue would open, by the same rules; later deliveries wait.
 */
export class DestinationSlots {
  readonly #limits: SiteLimits;
  readonly #clock: Clock;
  readonly #destinations = new Map<string, Destination>();

  constructor(limits: SiteLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /**
   * Does `work` when the destination has a slot.
   *
   * @param work  Gives its result and what it showed about the destination.
   * @param signal  Ends the wait: the work begins at once, and sees for itself that it was aborted.
   */
  async run<Result>(
    name: string,
    work: () => Promise<{ readonly result: Result; readonly feedback?: SiteFeedback | undefined }>,
    signal?: AbortSignal,
  ): Promise<Result> {
    const destination = this.#find(name);
    if (destination.running >= this.#allowed(destination)) await waitIn(destination.waiting, signal);
    destination.running++;
    try {
      const { result, feedback } = await work();
      const { pacing, running } = destination;
      const now = this.#clock.now();
      // One attempt is what was asked for, so nothing here is ever paused.
      if (feedback) {
        const next = applyFeedback({ ...pacing, pausedUntil: 0 }, feedback, this.#limits, running, now);
        destination.pacing = next;
      }
      return result;
    } finally {
      destination.running--;
      this.#release(destination);
    }
  }

  #find(name: string): Destination {
    const now = this.#clock.now();
    const known = this.#destinations.get(name);
    const destination = known ?? {
      pacing: freshPacing(this.#limits),
      running: 0,
      usedAt: now,
      waiting: new Set(),
    };
    destination.pacing = wakePacing(destination.pacing, this.#limits, destination.usedAt, now);
    destination.usedAt = now;
    this.#destinations.delete(name);
    this.#destinations.set(name, destination);
    if (this.#destinations.size > mostIdle) this.#forgetOldest();
    return destination;
  }

  #forgetOldest(): void {
    for (const [name, { running, waiting }] of this.#destinations) {
      if (running > 0 || waiting.size > 0) continue;
      this.#destinations.delete(name);
      return;
    }
  }

  #allowed({ pacing }: Destination): number {
    return allowedConnections(pacing, this.#limits);
  }

  #release(destination: Destination): void {
    let free = this.#allowed(destination) - destination.running;
    for (const begin of destination.waiting) {
      if (free-- <= 0) return;
      destination.waiting.delete(begin);
      begin();
    }
  }
}

function waitIn(waiting: Set<() => void>, signal: AbortSignal | undefined): Promise<void> {
  return wait<void, 'resolve'>(
    (resolve) => {
      const begin = () => resolve();
      waiting.add(begin);
      return () => waiting.delete(begin);
    },
    signal,
    'resolve',
  );
}
