/** For runtimes without node:assert, browsers among them. */
export default function assert(condition, what) {
  if (!condition) throw new Error(`does not hold: ${what}`);
}
