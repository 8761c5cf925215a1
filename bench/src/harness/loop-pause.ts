/** How often to look whether the event loop turns; milliseconds. */
const everyMs = 1;

/** Runs a task and tells the longest time, in microseconds, for which it kept a timer of a millisecond from its turn. */
export async function longestPause(task: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let latest = performance.now();
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - latest - everyMs);
    latest = now;
  };
  const timer = setInterval(look, everyMs);
  try {
    await task();
  } finally {
    clearInterval(timer);
  }
  look();
  return longest * 1000;
}
