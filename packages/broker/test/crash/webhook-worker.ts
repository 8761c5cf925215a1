/** A process that accepts messages and tells a webhook of them until it is killed: <file> <messages> */
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { tellUntilKilled } from './tell-until-killed.ts';

const [, , path = '', messages = '0'] = process.argv;
const store = new SqliteStore(path);
await store.open();
await tellUntilKilled(store, Number(messages));
