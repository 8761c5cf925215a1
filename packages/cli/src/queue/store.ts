import { existsSync } from 'node:fs';
import { MailQueue, type QueueStore } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';
import { Option } from 'commander';
import { CliError } from '../errors.ts';
import { StoreLocation } from './location.ts';
import { postgresStore } from './postgres.ts';

/** What every command on a queue takes. */
export interface StoreFlags {
  readonly store?: StoreLocation;
}

/** A queue of either kind. */
export interface OpenStore extends QueueStore<unknown> {
  /** The version of the tables that were there when it was opened; 0: there were none. */
  readonly foundSchema: number | undefined;
}

/**
 * `read`: the queue must be there, of this version, and nothing is written, so that it may be read-only. `look`:
 * likewise, but it may be changed. `migrate`: its tables are brought up to date; a file must be there.
 * `create`: the queue is made where need be. `work`: likewise, and what others queue is heard of at once.
 */
export type StoreAccess = 'read' | 'look' | 'migrate' | 'create' | 'work';

/** The flag of `StoreFlags`, for `Command.addOption`. */
export function storeFlag(): Option {
  return new Option('--store <file|url>', 'the queue: a SQLite file, or postgres://…')
    .argParser((text) => StoreLocation.parse(text))
    .env('MB_STORE');
}

/**
 * Runs `work` on an open queue, and closes it.
 *
 * @throws {CliError} MB_CLI_USAGE, MB_CLI_FILE, MB_CLI_PACKAGE; BrokerError MB_BROKER_STORE_…
 */
export async function withStore<Result>(
  { store: location }: StoreFlags,
  access: StoreAccess,
  work: (store: OpenStore) => Promise<Result>,
): Promise<Result> {
  if (location === undefined) {
    throw new CliError(
      'MB_CLI_USAGE',
      'No queue is given. Give --store queue.db or --store postgres://…, or set MB_STORE.',
    );
  }
  const store = await newStore(location, access);
  await store.open();
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/**
 * Runs `work` with what an operator may do with an open queue, and closes it.
 *
 * @throws {CliError} MB_CLI_USAGE, MB_CLI_FILE, MB_CLI_PACKAGE; BrokerError MB_BROKER_STORE_…
 */
export function withQueue<Result>(
  flags: StoreFlags,
  access: StoreAccess,
  work: (queue: MailQueue) => Promise<Result>,
): Promise<Result> {
  return withStore(flags, access, (store) => work(new MailQueue({ store })));
}

async function newStore(location: StoreLocation, access: StoreAccess): Promise<OpenStore> {
  // Commands that only read must not create tables in a foreign database.
  const migrate = access !== 'look' && access !== 'read';
  if (location.kind === 'postgres') return postgresStore(location, { migrate, listen: access === 'work' });
  const mustExist = access !== 'create' && access !== 'work';
  if (mustExist && !existsSync(location.path)) {
    const message = `--store: there is no queue ${location}; "mb send --queue" and "mb work" create one.`;
    throw new CliError('MB_CLI_FILE', message);
  }
  return new SqliteStore(location.path, { migrate, readOnly: access === 'read' });
}
