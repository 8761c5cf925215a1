import { Pool } from 'pg';
import { MESSAGE, SENDER } from '../smtp/payload.ts';
import { BATCH, CAP, CLOGGED, domainOf, type Engine } from './engine.ts';
import { CLAIM, SETTLE, TABLES } from './prototype-schema.ts';
import { type BenchServer, schemaBytes } from './server.ts';

const LEASE_MS = 60_000;

interface ClaimedRow {
  readonly lease: string;
  readonly site: string;
  readonly id: string;
  readonly addr: string;
  readonly body: Buffer;
}

/**
 * The least that this design needs in PostgreSQL: four tables, one statement to claim by destination within its cap,
 * one to settle. It logs nothing, cannot retry, pause, learn, hold or expire, and does not finish messages.
 */
export async function openPrototype(
  server: BenchServer,
  schema: string,
  connections: number,
): Promise<Engine> {
  const pool = new Pool({ connectionString: server.url, max: connections });
  // The server may go before an idle connection has said goodbye.
  pool.on('error', () => {});
  const named = (text: string) => text.replaceAll('@schema@', schema);
  await server.query(named(TABLES + CLAIM + SETTLE));
  const claim = { name: 'claim', text: `SELECT * FROM ${schema}.claim($1, $2, $3)` };
  const settle = { name: 'settle', text: `SELECT ${schema}.settle($1, $2, $3)` };
  return {
    name: 'prototype: bare statements',
    role: 'limit',
    fill: (addresses) => fill(server, schema, addresses),
    async claim(worker) {
      const { rows } = await pool.query<ClaimedRow>({ ...claim, values: [worker, BATCH, LEASE_MS] });
      const [first] = rows;
      if (!first) return null;
      return {
        addresses: rows.map(({ addr }) => addr),
        connections: [first.site],
        async settle() {
          await pool.query({ ...settle, values: [first.lease, first.site, rows.map(({ id }) => id)] });
        },
      };
    },
    async clog(rows) {
      await server.query(`INSERT INTO ${schema}.site (name, ready, cap) VALUES ($1, 0, $2)`, [CLOGGED, CAP]);
      await server.query(`INSERT INTO ${schema}.lane (site, ready) VALUES ($1, 0)`, [CLOGGED]);
      await server.query(
        `INSERT INTO ${schema}.lease (site, worker, expires)
         SELECT $1, 'busy', ${schema}.ms() + 86400000 FROM generate_series(1, $2::int)`,
        [CLOGGED, CAP],
      );
      await server.query(
        `WITH m AS (INSERT INTO ${schema}.message (sender, body) SELECT $2, ''
           FROM generate_series(1, $1::int) RETURNING id)
         INSERT INTO ${schema}.rcpt (message, lane, addr, due)
         SELECT id, (SELECT id FROM ${schema}.lane WHERE site = $3), 'u' || id || '@' || $3,
           ${schema}.ms() - 1000 + id % 1000 FROM m`,
        [rows, SENDER, CLOGGED],
      );
      await server.query(`VACUUM (FREEZE, ANALYZE) ${schema}.rcpt, ${schema}.message`);
    },
    bytes: () => schemaBytes(server, schema),
    close: () => pool.end(),
  };
}

async function fill(server: BenchServer, schema: string, addresses: readonly string[]): Promise<void> {
  const domains = addresses.map(domainOf);
  await server.query(
    `INSERT INTO ${schema}.site (name, ready, cap) SELECT d, ${schema}.ms(), $2::int
     FROM (SELECT DISTINCT d FROM unnest($1::text[]) AS u(d)) x
     ON CONFLICT (name) DO UPDATE SET ready = least(site.ready, excluded.ready)`,
    [domains, CAP],
  );
  await server.query(
    `INSERT INTO ${schema}.lane (site, ready) SELECT d, ${schema}.ms()
     FROM (SELECT DISTINCT d FROM unnest($1::text[]) AS u(d)) x
     ON CONFLICT (site) DO UPDATE SET ready = least(lane.ready, excluded.ready)`,
    [domains],
  );
  await server.query(
    `WITH m AS (
       INSERT INTO ${schema}.message (sender, body) SELECT $1, $2 FROM generate_series(1, cardinality($3::text[]))
       RETURNING id
     ), n AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM m)
     INSERT INTO ${schema}.rcpt (message, lane, addr, due)
     SELECT n.id, l.id, u.addr, greatest(${schema}.ms(), l.floor)
     FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS u(addr, domain, n)
     JOIN n ON n.n = u.n JOIN ${schema}.lane l ON l.site = u.domain`,
    [SENDER, MESSAGE, addresses, domains],
  );
}
