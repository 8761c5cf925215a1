import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMemoryResolver } from '@mb/dns/memory';
import { startWebhookReceiver } from '@mb/testkit';
import { expect, it } from 'vitest';
import { startNode } from '../../../../vitest.process.ts';
import { MailQueue } from '../../src/index.ts';
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

const script = fileURLToPath(new URL('./webhook-worker.ts', import.meta.url));

it('WHK-19 WHK-69 after kill -9 each event comes at least once, with the id that it had, and none is lost', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mb-webhook-crash-'));
  const path = join(directory, 'queue.db');
  await using receiver = await startWebhookReceiver();
  const idOf = new Map<string, Set<string>>();
  let count = 0;
  receiver.answer = async ({ json, headers }) => {
    const ids = idOf.get(json.data.messageId) ?? new Set();
    idOf.set(json.data.messageId, ids.add(String(headers['webhook-id'])));
    await new Promise((resolve) => setTimeout(resolve, 5));
    // Some are retried, so that there is something in records when the process is killed.
    return ++count % 7 === 0 ? 500 : 204;
  };
  const open = async () => {
    const store = new SqliteStore(path);
    await store.open();
    return {
      store,
      queue: new MailQueue({
        store,
        dns: createMemoryResolver({}),
        webhooks: { allowAddresses: ['127.0.0.0/8'] },
      }),
    };
  };
  const { store, queue } = await open();
  const { endpoint } = await queue.webhooks.add({ url: receiver.url });
  await store.close();

  const accepted: string[] = [];
  for (let round = 0; round < 6; round++) {
    const before = count;
    const child = startNode(['--conditions=@mb/source', script, path, round < 5 ? '60' : '0'], {
      ...process.env,
      NODE_OPTIONS: '',
    });
    let said = '';
    child.stdout.on('data', (data) => {
      said += data;
    });
    const closed = new Promise((resolve) => child.on('close', resolve));
    // In the midst: some calls were made since it began, and some were not.
    if (round < 5) await expect.poll(() => count - before, { timeout: 60_000 }).toBeGreaterThan(10);
    else {
      const all = () => accepted.every((id) => idOf.has(id));
      await expect.poll(all, { timeout: 60_000 }).toBe(true);
    }
    child.kill('SIGKILL');
    await closed;
    accepted.push(...said.split('\n').slice(0, -1));
  }
  expect(accepted.length).toBeGreaterThan(50);
  for (const id of accepted) expect([...(idOf.get(id) ?? [])], id).toHaveLength(1);
  const after = await open();
  expect((await after.queue.webhooks.deadLetters(endpoint.id)).rows).toEqual([]);
  await after.store.close();
  await rm(directory, { recursive: true });
}, 300_000);
