import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { WriteAheadLog } from './write-ahead-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'mb-wal-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file with a log, and a function whose writes fill about the given number of pages. */
function openFile(name: string) {
  const path = join(folder, name);
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0');
  db.exec('CREATE TABLE word (bytes BLOB)');
  const errors: unknown[] = [];
  const wal = new WriteAheadLog(db, path, (error) => errors.push(error));
  const insert = db.prepare('INSERT INTO word VALUES (zeroblob(?))');
  const write = (pages: number) => {
    insert.run(pages * 4096);
    wal.committed();
  };
  /** The number that SQLite counts; it also copies the pages that it can. */
  const counted = () => Number(db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()!.log);
  return { path, db, wal, write, counted, errors };
}

it('counts the pages since the log began again', async () => {
  const { db, wal, write, counted } = openFile('pages.db');
  expect(wal.pages()).toBe(counted());
  for (const pages of [1, 3, 40, 2]) {
    write(pages);
    expect(wal.pages()).toBe(counted());
  }
  // All pages are copied: the next write begins at the first page, and leaves the rest of the log as it is.
  write(1);
  expect(wal.pages()).toBe(counted());
  expect(wal.pages()).toBeLessThan(10);
  write(20);
  expect(wal.pages()).toBe(counted());
  await wal.close();
  db.close();
});

it('Q-127 copies a long log into the file in another thread, and lets it begin again', async () => {
  const { db, wal, write, errors } = openFile('long.db');
  for (let commits = 0; commits < 96; commits++) write(128);
  expect(wal.pages()).toBeGreaterThan(12_000);
  for (let tries = 0; wal.pages() > 1000 && tries < 400; tries++) {
    await sleep(10);
    // Only a write lets the log begin again.
    try {
      write(1);
    } catch (error) {
      // While the last pages are copied, no connection can write.
      expect(error).toMatchObject({ errcode: 5 });
    }
  }
  expect(wal.pages()).toBeLessThan(1000);
  await wal.close();
  expect(errors).toEqual([]);
  expect(db.prepare('SELECT count(*) AS n FROM word WHERE length(bytes) = ?').get(128 * 4096)!.n).toBe(96);
  db.close();
});

it('lets writes continue while another process reads an old state, and does not try a checkpoint at each commit', async () => {
  const { path, db, wal, write, errors } = openFile('read.db');
  const reader = new DatabaseSync(path);
  reader.exec('BEGIN; SELECT * FROM word');
  reader.prepare('SELECT count(*) AS n FROM word').get();
  for (let commits = 0; commits < 96; commits++) write(128);
  expect(wal.pages()).toBeGreaterThan(12_000);
  await wal.close();
  expect(errors).toEqual([]);
  reader.exec('COMMIT');
  reader.close();
  expect(db.prepare('PRAGMA quick_check').get()).toEqual({ quick_check: 'ok' });
  db.close();
});
