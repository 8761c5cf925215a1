import { Client } from 'pg';
import { startServer } from '../../../packages/queue-postgres/test/server.ts';

/** A PostgreSQL of the bench's own, from the binaries that npm brought. */
export interface BenchServer {
  readonly url: string;
  /** Runs one statement outside of the measured time. */
  query<Found extends object>(text: string, values?: readonly unknown[]): Promise<Found[]>;
  close(): Promise<void>;
}

/** Durable as it comes; no checkpoint falls into the measurement, and what settles is vacuumed soon. */
const SETTINGS = {
  shared_buffers: '256MB',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
  max_connections: '60',
};

/** Starts the server that all contenders of a row share, with these settings besides. */
export async function startBenchServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const flags = Object.entries({ ...SETTINGS, ...settings }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const { url, server, remove } = await startServer(flags);
  const admin = new Client(url);
  await admin.connect();
  return {
    url,
    query: async (text, values = []) => (await admin.query(text, [...values])).rows,
    close: async () => {
      await admin.end();
      await server.stop();
      remove();
    },
  };
}

/** Octets of all tables of a schema, with their indices and large values. */
export async function schemaBytes(server: BenchServer, schema: string): Promise<number> {
  const [row] = await server.query<{ bytes: string }>(
    `SELECT sum(pg_total_relation_size(c.oid))::text AS bytes
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`,
    [schema],
  );
  return Number(row!.bytes);
}
