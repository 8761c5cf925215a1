import assert from './assert.mjs';

/** Without a server: the schema is in the package, and a store whose server does not answer says so. */
export async function check(modules, load) {
  const { PostgresStore, schemaSql } = modules['@mb/queue-postgres'];
  const { BrokerError } = await load('@mb/broker');
  assert(/CREATE TABLE/i.test(schemaSql()), 'the schema makes tables');
  const store = new PostgresStore({ connection: { host: '127.0.0.1', port: 1 } });
  const failure = await store.open().then(
    () => undefined,
    (error) => error,
  );
  assert(BrokerError.isInstance(failure), `opening fails with a typed error, not ${failure}`);
  await store.close();
}
