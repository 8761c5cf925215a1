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

/** Above this many destinations, those without deliveries under way are forgotten, the least recently used first. */
const mostIdle = 1_000;

/**
 * Limits the deliveries under way at each destination when there is no queue: as many as the queue would open
 * connections, by the same rules. Further deliveries wait.
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
   * Runs `work` when the destination has a slot.
   *
   * @param work  Returns its result and what it showed about the destination.
   * @param signal  Ends the wait: `work` starts at once, and must check the signal itself.
   */
  async run<Result>(
    name: string,
    work: () => Promise<{ readonly result: Result; readonly feedback?: SiteFeedback | undefined }>,
    signal?: AbortSignal,
  ): Promise<Result> {
    const destination = this.#find(name);
    if (destination.running < this.#allowed(destination)) destination.running++;
    else await waitForSlot(destination, signal);
    try {
      const { result, feedback } = await work();
      const { pacing, running } = destination;
      const now = this.#clock.now();
      // send() makes a single attempt, so a destination is never paused here.
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

/** Resolves with a slot taken: a free one when its turn has come, one above the limit when `signal` fires. */
async function waitForSlot(destination: Destination, signal: AbortSignal | undefined): Promise<void> {
  const { waiting } = destination;
  const isFree = await wait<true, 'resolve'>(
    (resolve) => {
      const begin = () => {
        // Taken now: until the promise resolves, another delivery could take it.
        destination.running++;
        resolve(true);
      };
      waiting.add(begin);
      return () => waiting.delete(begin);
    },
    signal,
    'resolve',
  );
  if (!isFree) destination.running++;
}
