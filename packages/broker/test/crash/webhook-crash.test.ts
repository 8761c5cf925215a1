import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { killInTheMidst } from './webhook-crash.ts';

const script = fileURLToPath(new URL('./webhook-worker.ts', import.meta.url));

it('WHK-19 WHK-69 after kill -9 each event comes at least once, with the id that it had, and none is lost', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mb-webhook-crash-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'queue.db');
  const { accepted, eventIds, deadLetters } = await killInTheMidst({
    async openStore() {
      const store = new SqliteStore(path);
      await store.open();
      return store;
    },
    worker: [script, path],
  });
  expect(accepted.length).toBeGreaterThan(50);
  for (const id of accepted) expect([...(eventIds.get(id) ?? [])], id).toHaveLength(1);
  expect(deadLetters).toBe(0);
}, 300_000);
