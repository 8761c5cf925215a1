import { Pool } from 'pg';
import { afterAll, expect, inject, it } from 'vitest';
import { Database } from './database.ts';

const pool = new Pool({ connectionString: inject('postgresUrl') });
const timeout = 'SHOW idle_in_transaction_session_timeout';

afterAll(() => pool.end());

it('lets the server end a transaction whose process vanished, and no other', async () => {
  const db = new Database(pool, true);
  const inside = await db.transaction((client) => client.query(timeout));
  expect(inside.rows).toEqual([{ idle_in_transaction_session_timeout: '15s' }]);
  expect(await db.query(timeout)).toEqual([{ idle_in_transaction_session_timeout: '0' }]);
});
