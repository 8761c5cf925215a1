/** A PostgreSQL whose disk is really full: a file system of a few megabytes, filled up while a queue is at work. */
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer } from '../../packages/queue-postgres/test/server.ts';
import {
  expectRetryable,
  runThrough,
  sleep,
} from '../../packages/queue-postgres/test/trouble/troubled-queue.ts';
import { makeFolder } from '../lab/folder.ts';

let postgres: Awaited<ReturnType<typeof startServer>>;
let disk: string;
let dataDirectory: string;

beforeAll(async () => {
  disk = makeFolder('small-disk');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'small-disk', disk]);
  chmodSync(disk, 0o711);
  process.env.TMPDIR = disk;
  try {
    postgres = await startServer(['-c', 'wal_recycle=off', '-c', 'max_wal_size=64MB'], { persistent: true });
  } finally {
    delete process.env.TMPDIR;
  }
  dataDirectory = String((await ask('SHOW data_directory'))[0]?.data_directory);
}, 120_000);

afterAll(async () => {
  rmSync(join(disk, 'ballast'), { force: true });
  await postgres?.server.stop();
  postgres?.remove();
  execFileSync('umount', ['-l', disk]);
});

async function ask(text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: postgres.url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** Takes all space that is left, also what the server frees meanwhile. */
async function fill(ms: number): Promise<void> {
  const file = openSync(join(disk, 'ballast'), 'w');
  const block = Buffer.alloc(65_536);
  for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) {
    try {
      for (;;) writeSync(file, block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  closeSync(file);
}

const free = () => rmSync(join(disk, 'ballast'), { force: true });

describe('a disk that is full', { retry: 0 }, () => {
  it('SAFE-27 SAFE-77 SAFE-76 that holds the tables: rows are refused, nothing is lost, and the queue continues', {
    timeout: 120_000,
  }, async () => {
    expect(dataDirectory.startsWith(disk)).toBe(true);
    const troubled = await runThrough(postgres.url, 'full_disk', async () => {
      // A busy machine takes seconds until a row needs new space.
      await fill(8000);
      free();
    });
    expectRetryable(troubled);
    expect(troubled.refused.length).toBeGreaterThan(0);
    const said = [...troubled.refused, ...troubled.told].map((error) => (error as Error).message);
    expect(said.filter((text) => text.includes('No space left on device'))).not.toEqual([]);
  });

  it('SAFE-27 SAFE-77 SAFE-76 that holds the log: the server stops, is restarted with free space, and has lost nothing', {
    timeout: 120_000,
  }, async () => {
    let down = false;
    const troubled = await runThrough(postgres.url, 'full_log', async () => {
      const filled = fill(4000);
      await sleep(500);
      // There is no space for a new segment of the log: PostgreSQL stops rather than lose what it has committed.
      for (let tries = 0; tries < 5; tries++) await ask('SELECT pg_switch_wal()').catch(() => {});
      await filled;
      free();
      down = await isDown();
      if (down) await postgres.server.start();
    });
    expect(down).toBe(true);
    expectRetryable(troubled);
  });
});

async function isDown(): Promise<boolean> {
  return ask('SELECT 1').then(
    () => false,
    () => true,
  );
}
