import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc; the same on all of Linux. */
const ticksPerSecond = 100;

/**
 * Processor seconds that the programs of the lab have spent since they started, by the name of the program. Children that
 * have ended count for the program that waited for them, as `master's ended children`.
 */
export function processorSeconds(): Map<string, number> {
  const sums = new Map<string, number>();
  const add = (name: string, ticks: number) => sums.set(name, (sums.get(name) ?? 0) + ticks / ticksPerSecond);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = readStat(pid);
    if (stat === undefined) continue;
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    // proc_pid_stat(5): utime is the 14th field; the state, after the name, is the 3rd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number);
    add(name, user + system);
    if (childUser + childSystem > 0) add(`${name}'s ended children`, childUser + childSystem);
  }
  return sums;
}

/** Undefined for a process that has ended meanwhile. */
function readStat(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
}

/** Processor time of each message by program since an earlier moment, the largest first: `rspamd 1.10 ms, smtpd 0.52 ms`. */
export function formatShares(before: ReadonlyMap<string, number>, messages: number): string {
  return [...processorSeconds()]
    .map(([name, seconds]) => ({ name, ms: ((seconds - (before.get(name) ?? 0)) * 1000) / messages }))
    .filter(({ ms }) => ms >= 0.01)
    .sort((left, right) => right.ms - left.ms)
    .map(({ name, ms }) => `${name} ${ms.toFixed(2)} ms`)
    .join(', ');
}
