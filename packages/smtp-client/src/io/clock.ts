/** Source of time; with a virtual one every timeout can be tested. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `callback` once after `delayMs`; the returned function takes that back. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

const longestTimer = 2 ** 31 - 1;

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), longestTimer));
    return () => clearTimeout(timer);
  },
};
