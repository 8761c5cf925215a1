import { existsSync } from 'node:fs';
import type { QueueStore } from '@mb/broker';
import type { ConfiguredStoreOptions } from '../config/broker-settings.ts';
import type { OptionSections } from '../config/option-sections.ts';
import { CliError } from '../errors.ts';
import type { ServerFlags } from '../remote/server-flag.ts';
import type { StoreLocation } from './location.ts';
import { postgresStore } from './postgres.ts';
import type { QueueAccess } from './queue-access.ts';
import type { StoreFlags } from './store-flag.ts';

/** A queue of either kind. */
export interface OpenStore extends QueueStore<unknown> {
  /** The version of the tables when it was opened; 0 if there were none. */
  readonly foundSchema: number | undefined;
}

/**
 * How a queue is opened. `read`: it must exist with the current schema, and is opened read-only. `change`: the same, but
 * for writing. `migrate`: its tables are updated first; a SQLite file must exist. `create`: the same, and it is created
 * if it does not exist. `work`: as `create`, and it is notified at once when other processes queue mail.
 */
export type StoreAccess = 'read' | 'change' | 'migrate' | 'create' | 'work';

/**
 * Runs `work` on an open queue, and closes it.
 *
 * @throws {CliError} MB_CLI_USAGE, MB_CLI_FILE, MB_CLI_PACKAGE; BrokerError MB_BROKER_STORE_…
 */
export async function withStore<Result>(
  { store: location, optionSections, keepContent }: StoreFlags,
  access: StoreAccess,
  work: (store: OpenStore) => Promise<Result>,
): Promise<Result> {
  if (location === undefined) {
    throw new CliError(
      'MB_CLI_USAGE',
      'No queue is given. Give --store queue.db or --store postgres://…, or set MB_STORE.',
    );
  }
  const store = await newStore(location, access, {
    ...(await storeOptions(optionSections)),
    ...(keepContent !== undefined && { keepContentMs: keepContent }),
  });
  await store.open();
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/**
 * Runs `work` with the operations on a queue, opened here and closed afterwards, or of a server.
 *
 * @throws {CliError} MB_CLI_USAGE, MB_CLI_FILE, MB_CLI_PACKAGE, MB_CLI_SERVER; BrokerError MB_BROKER_STORE_…
 */
export async function withQueue<Result>(
  flags: StoreFlags & ServerFlags,
  access: StoreAccess,
  work: (queue: QueueAccess) => Promise<Result>,
): Promise<Result> {
  if (flags.server !== undefined) {
    const { remoteQueue } = await import('../remote/remote-queue.ts');
    const { serverClient } = await import('../remote/api.ts');
    return work(remoteQueue(await serverClient(flags.server)));
  }
  const { MailQueue } = await import('@mb/broker');
  return withStore(flags, access, (store) => work(new MailQueue({ store })));
}

/** The options of stores in the configuration, without warnings: the command that delivers prints those. */
async function storeOptions(sections: OptionSections | undefined): Promise<ConfiguredStoreOptions> {
  if (sections?.storeOptions === undefined) return {};
  const { readBrokerSettings } = await import('../config/broker-settings.ts');
  const { path, storeOptions: given } = sections;
  const settings = await readBrokerSettings({ path, storeOptions: given }, () => {});
  return settings.storeOptions;
}

async function newStore(
  location: StoreLocation,
  access: StoreAccess,
  options: ConfiguredStoreOptions,
): Promise<OpenStore> {
  // Other commands must not create tables in a database that is not a queue.
  const migrate = access !== 'change' && access !== 'read';
  if (location.kind === 'postgres') {
    return postgresStore(location, { ...options, migrate, listen: access === 'work' });
  }
  const mustExist = access !== 'create' && access !== 'work';
  if (mustExist && !existsSync(location.path)) {
    const message = `--store: there is no queue ${location}; "mb send --queue" and "mb work" create one.`;
    throw new CliError('MB_CLI_FILE', message);
  }
  const { SqliteStore } = await import('@mb/broker/sqlite');
  return new SqliteStore(location.path, { ...options, migrate, readOnly: access === 'read' });
}
