import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { startServer } from '../../packages/queue-postgres/test/server.ts';

/** The server at DATABASE_URL, or one for the length of the example, from the binaries that npm brought. */
export async function startPostgres(): Promise<AsyncDisposable & { readonly url: string }> {
  const given = process.env.DATABASE_URL;
  if (given !== undefined) return { url: given, async [Symbol.asyncDispose]() {} };
  const { url, server, remove } = await startServer(['-c', 'fsync=off']);
  return {
    url,
    async [Symbol.asyncDispose]() {
      await othersGone(url);
      await server.stop();
      remove();
    },
  };
}

/** The server shows out who said goodbye a moment ago; stopped before, it would report an error to them. */
async function othersGone(url: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  const others = `SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
  for (let tries = 0; tries < 100 && (await client.query(others)).rowCount !== 0; tries++) await sleep(20);
  await client.end();
}
