import type { Accepted, StoreOptions } from '@mb/broker/store';
import { type OpenStore, storeConformance } from '@mb/broker/store-conformance';
import { VirtualClock } from '@mb/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, inject, it } from 'vitest';
import { PostgresStore } from './postgres-store.ts';

const connection = { connectionString: inject('postgresUrl') };
let admin: Client;
let schemas = 0;

beforeAll(async () => {
  admin = new Client(connection);
  await admin.connect();
});

afterAll(() => admin.end());

/** The cases claim at once what a worker would find in a moment. */
class PromptStore extends PostgresStore {
  override async accept(...given: Parameters<PostgresStore['accept']>): Promise<Accepted> {
    const accepted = await super.accept(...given);
    await this.route();
    return accepted;
  }
}

const open: OpenStore = async (options?: StoreOptions) => {
  const schema = `case_${process.pid}_${schemas++}`;
  const clock = new VirtualClock();
  const openOne = async () => {
    const opened = new PromptStore({ ...options, connection, schema, clock, pollMs: 100 });
    await opened.open();
    return opened;
  };
  let store = await openOne();
  return {
    store,
    advance: (ms) => clock.advance(ms),
    async corrupt(messageId) {
      await admin.query(`UPDATE ${schema}.content SET bytes = bytes || '\\x00' WHERE message = $1`, [
        messageId,
      ]);
    },
    async reopen() {
      await store.close();
      store = await openOne();
      return store;
    },
    async dispose() {
      await store.close();
      await admin.query(`DROP SCHEMA ${schema} CASCADE`);
    },
  };
};

describe('Q-02 Q-03 Q-05 Q-06 Q-07 Q-08 Q-10 Q-11 Q-13 Q-15 the PostgreSQL store', () => {
  for (const { name, run } of storeConformance) it(name, () => run(open));
});
