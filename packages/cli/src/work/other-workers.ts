import { hostname } from 'node:os';
import type { Records } from '@mb/broker';
import type { OpenStore } from '../queue/store.ts';
import type { StoreFlags } from '../queue/store-flag.ts';

/** What a worker of a queue file says of itself while it runs. */
interface WorkerNote {
  readonly host: string;
  readonly pid: number;
}

const collection = 'worker';

/**
 * Notes in the records of a queue file that this process delivers its mail. A database is shared by any number of workers.
 *
 * @param warn  Called for each other process of this machine that delivers the mail of the file. No mail is lost or sent
 *   twice by it, but a second worker on a file makes nothing faster, and is mostly one that was forgotten.
 * @returns what takes the note away again.
 */
export async function noteWorker(
  { records }: OpenStore,
  location: StoreFlags['store'],
  warn: (text: string) => void,
): Promise<() => Promise<void>> {
  if (location?.kind !== 'sqlite') return () => Promise.resolve();
  await warnOfOthers(records, warn);
  const key = `${hostname()}:${process.pid}`;
  await records.put(collection, key, { host: hostname(), pid: process.pid } satisfies WorkerNote);
  // A note that stays is taken away by the next worker.
  return () => records.delete(collection, key).then(ignore, ignore);
}

function ignore(): void {}

async function warnOfOthers(records: Records, warn: (text: string) => void): Promise<void> {
  const { rows } = await records.list(collection, { limit: 1000 });
  for (const { key, value, updatedAt } of rows) {
    const { host, pid } = value as WorkerNote;
    if (host !== hostname()) continue;
    if (pid !== process.pid && isRunning(pid)) {
      const since = new Date(updatedAt).toISOString();
      warn(`Process ${pid} has been delivering the mail of this queue since ${since}; is it forgotten?`);
    } else {
      // It was killed.
      await records.delete(collection, key);
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A process of another user may not be asked.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
