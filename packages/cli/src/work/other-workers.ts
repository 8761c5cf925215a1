import { hostname } from 'node:os';
import type { Records } from '@mb/broker';
import type { OpenStore } from '../queue/store.ts';
import type { StoreFlags } from '../queue/store-flag.ts';
import { isProcessRunning } from '../running-process.ts';

/** The record of a running worker of a queue file. */
interface WorkerNote {
  readonly host: string;
  readonly pid: number;
}

const collection = 'worker';

/**
 * Writes a record that this process delivers the mail of a queue file. Does nothing for PostgreSQL, where any number of
 * workers is normal.
 *
 * @param warn  Called for each other process of this machine that delivers the mail of the file. That loses no mail and
 *   sends none twice, but makes nothing faster: usually the other worker was forgotten.
 * @returns A function that deletes the record.
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
  // If this fails, the next worker deletes the record.
  return () => records.delete(collection, key).then(ignore, ignore);
}

function ignore(): void {}

async function warnOfOthers(records: Records, warn: (text: string) => void): Promise<void> {
  const { rows } = await records.list(collection, { limit: 1000 });
  for (const { key, value, updatedAt } of rows) {
    const { host, pid } = value as WorkerNote;
    if (host !== hostname()) continue;
    if (pid !== process.pid && isProcessRunning(pid)) {
      const since = new Date(updatedAt).toISOString();
      warn(
        `Process ${pid} has been delivering the mail of this queue since ${since}; stop it if it was forgotten.`,
      );
    } else {
      // The process was killed.
      await records.delete(collection, key);
    }
  }
}
