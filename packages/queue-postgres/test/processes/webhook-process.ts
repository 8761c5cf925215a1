/** A process that accepts messages and tells a webhook of them until it is killed: <url> <schema> <messages> */
import { PostgresStore } from '@mb/queue-postgres';
import { tellUntilKilled } from '../../../broker/test/crash/tell-until-killed.ts';

const [, , connectionString = '', schema = '', messages = '0'] = process.argv;
const store = new PostgresStore({ connection: { connectionString }, schema, pollMs: 50 });
await store.open();
await tellUntilKilled(store, Number(messages));
