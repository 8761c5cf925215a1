import { existsSync } from 'node:fs';
import { SqliteStore } from '@mb/broker/sqlite';
import { Option } from 'commander';
import { CliError } from '../errors.ts';

/** What every command on a queue takes. */
export interface StoreFlags {
  readonly store?: string;
}

/** The flag of `StoreFlags`, for `Command.addOption`. */
export function storeFlag(): Option {
  return new Option('--store <file>', 'the SQLite file of the queue').env('MB_STORE');
}

/**
 * Runs `work` on an open queue, and closes it.
 *
 * @param access  `look`: the file and its tables must be there, of this version. `migrate`: the file must be there, its
 *   tables are brought up to date. `create`: both are made where need be.
 * @throws {CliError} MB_CLI_USAGE, MB_CLI_FILE; BrokerError MB_BROKER_STORE_…
 */
export async function withStore<Result>(
  { store: path }: StoreFlags,
  access: 'look' | 'migrate' | 'create',
  work: (store: SqliteStore) => Promise<Result>,
): Promise<Result> {
  if (path === undefined) {
    throw new CliError('MB_CLI_USAGE', 'Which queue? Give --store queue.db, or set MB_STORE.');
  }
  if (access !== 'create' && !existsSync(path)) {
    const message = `--store: there is no queue ${path}; "mb send --queue" and "mb work" make one.`;
    throw new CliError('MB_CLI_FILE', message);
  }
  // Somebody else's database must not get our tables because somebody looked into it.
  const store = new SqliteStore(path, { migrate: access !== 'look' });
  await store.open();
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
