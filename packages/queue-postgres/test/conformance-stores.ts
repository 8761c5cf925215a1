import type { Accepted } from '@mb/broker/store';
import type { OpenStore } from '@mb/broker/store-conformance';
import { VirtualClock } from '@mb/testkit';
import type { Client } from 'pg';
import { PostgresStore, type PostgresStoreOptions } from '../src/postgres-store.ts';

/** A store that routes each message as soon as it is accepted, because the cases claim at once. */
class PromptStore extends PostgresStore {
  override async accept(...given: Parameters<PostgresStore['accept']>): Promise<Accepted> {
    const accepted = await super.accept(...given);
    await this.route();
    return accepted;
  }
}

const tables =
  'message content intake ended site lane recipient tally tally_sum lease alias event suppression record'.split(
    ' ',
  );

/** Opens the stores of the conformance suite: the tables of a schema are created once, and each case empties them. */
export function conformanceStores(admin: Client, schema: string, reached: PostgresStoreOptions): OpenStore {
  return async (options) => {
    const clock = new VirtualClock();
    const openOne = async () => {
      const opened = new PromptStore({ ...options, ...reached, schema, clock, pollMs: 100 });
      await opened.open();
      return opened;
    };
    let store = await openOne();
    await admin.query(`TRUNCATE ${tables.map((table) => `${schema}.${table}`).join(', ')} RESTART IDENTITY`);
    return {
      store,
      advance: (ms) => clock.advance(ms),
      async corrupt(messageId) {
        await admin.query(
          `UPDATE ${schema}.content SET ascii = ascii || 'x', bytes = bytes || '\\x00' WHERE message = $1`,
          [messageId],
        );
      },
      async reopen() {
        await store.close();
        store = await openOne();
        return store;
      },
      dispose: () => store.close(),
    };
  };
}
