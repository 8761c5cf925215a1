/**
 * Child process of a `peak` row: does one task and reports the highest resident set that it needed.
 * Plain JavaScript, so that no figure includes Node's TypeScript support.
 */
import { readFileSync } from 'node:fs';

const { module, task, argument } = JSON.parse(process.argv[2]);
const tasks = await import(module);
const outcome = await tasks[task](argument);
process.send({ peakBytes: peakResidentBytes(), outcome }, () => process.exit());

/**
 * Returns the kernel's high-water mark of this program's resident set. `getrusage` cannot be used: its maximum is kept
 * across `exec`, so a child would report the size of the process that forked it.
 */
function peakResidentBytes() {
  const status = readFileSync('/proc/self/status', 'utf8');
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error('/proc/self/status has no VmHWM; peak rows need Linux.');
  return Number(kibibytes) * 1024;
}
