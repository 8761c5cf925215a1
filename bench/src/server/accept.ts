import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ServerType, serve } from '@hono/node-server';
import { MailBroker } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { createServer } from '@mb/server';
import { Hono } from 'hono';
import type { Contender, Field } from '../harness/row.ts';
import type { Posting } from './client-worker.ts';

const connections = 32;
const body = JSON.stringify({
  from: 'shop@sender.test',
  to: 'bob@one.test',
  subject: 'Your order',
  text: 'A line of text that is as long as lines of text are.\n'.repeat(95),
});

/** Something that takes messages by HTTP. */
interface Listening {
  readonly port: number;
  readonly token: string;
  /** Messages in its queue. */
  accepted(): Promise<number>;
  close(): Promise<void>;
}

/** How fast messages are accepted by HTTP: our service, and a handler that does nothing but store the same octets. */
export async function acceptField(count: number): Promise<Field> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-server-'));
  return {
    contenders: [
      contender('@mb/server', 'ours', count, () => listenOurs(path.join(folder, 'ours.db'))),
      contender('hono + the same store', 'limit', count, () => listenBare(path.join(folder, 'bare.db'))),
    ],
    operationsPerRun: count,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function contender(
  name: string,
  role: 'ours' | 'limit',
  count: number,
  open: () => Promise<Listening>,
): Contender {
  const client = new Worker(new URL('./client-worker.ts', import.meta.url));
  client.unref();
  let opened: Promise<Listening> | undefined;
  let total = 0;
  return {
    name,
    role,
    run: async () => {
      opened ??= open();
      const { port, token } = await opened;
      total += count;
      client.postMessage({ port, token, body, count, connections } satisfies Posting);
      const [statuses] = (await once(client, 'message')) as [number[]];
      return statuses;
    },
    check: async (output) => {
      const wrong = (output as number[]).filter((status) => status !== 202);
      if (wrong.length > 0) return `${wrong.length} answers were ${wrong[0]}`;
      const accepted = await (await opened!).accepted();
      return accepted === total ? undefined : `${accepted} of ${total} messages are in the queue`;
    },
    close: async () => {
      await client.terminate();
      await (await opened)?.close();
    },
  };
}

async function openStore(file: string): Promise<SqliteStore> {
  const store = new SqliteStore(file);
  await store.open();
  return store;
}

async function listenOurs(file: string): Promise<Listening> {
  const store = await openStore(file);
  const server = createServer({ broker: new MailBroker({ hostname: 'mail.sender.test', store }) });
  const { token } = await server.keys.create({
    name: 'bench',
    scopes: ['send'],
    requestsPerMinute: 1_000_000,
  });
  const { port } = await server.listen({ port: 0 });
  const close = async () => {
    await server.close({ graceMs: 0 });
    await store.close();
  };
  return { port, token, accepted: () => queued(store), close };
}

async function listenBare(file: string): Promise<Listening> {
  const store = await openStore(file);
  const app = new Hono();
  app.post('/v1/messages', async (context) => {
    const { from, to, text } = (await context.req.json()) as Record<'from' | 'to' | 'text', string>;
    const { messageId } = await store.accept({
      sender: from,
      recipients: [{ address: to, domain: to.slice(to.indexOf('@') + 1) }],
      content: Buffer.from(text),
    });
    return context.json({ id: messageId }, 202);
  });
  const server = await new Promise<ServerType>((resolve) => {
    const made = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(made));
  });
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await store.close();
  };
  return { port, token: '', accepted: () => queued(store), close };
}

async function queued(store: SqliteStore): Promise<number> {
  return (await store.stats()).queued;
}
