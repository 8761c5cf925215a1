import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { VirtualClock } from '@mb/testkit';
import { describe, it } from 'vitest';
import { SqliteStore } from './sqlite-store.ts';
import { type OpenStore, storeConformance } from './store-conformance.ts';

const open: OpenStore = async (options) => {
  const directory = mkdtempSync(join(tmpdir(), 'mb-queue-'));
  const path = join(directory, 'queue.db');
  const clock = new VirtualClock();
  const openOne = async () => {
    const opened = new SqliteStore(path, { ...options, clock });
    await opened.open();
    return opened;
  };
  let store = await openOne();
  return {
    store,
    advance: (ms) => clock.advance(ms),
    corrupt(messageId) {
      const db = new DatabaseSync(path);
      const first = Number(messageId) * 65_536;
      db.prepare('UPDATE mb_content SET bytes = zeroblob(length(bytes)) WHERE id = ?').run(first);
      db.close();
    },
    async reopen() {
      await store.close();
      store = await openOne();
      return store;
    },
    async dispose() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
};

describe('the SQLite store', () => {
  for (const { name, run } of storeConformance) it(name, () => run(open));
});
