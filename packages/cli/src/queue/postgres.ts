import type { PostgresStore } from '@mb/queue-postgres';
import type { ConfiguredStoreOptions } from '../config/broker-settings.ts';
import { CliError } from '../errors.ts';
import type { StoreLocation } from './location.ts';

/** How a queue in PostgreSQL is opened. */
export interface PostgresAccess extends ConfiguredStoreOptions {
  /** Update the tables, or create them if there are none. */
  readonly migrate: boolean;
  /** Keep a connection that is notified at once when other processes queue mail. */
  readonly listen: boolean;
}

/**
 * Makes a store in PostgreSQL without opening it. Only this function loads the package, so that a queue in a file needs
 * no PostgreSQL client.
 *
 * @throws {CliError} MB_CLI_PACKAGE when the package is not installed.
 */
export async function postgresStore(
  location: StoreLocation,
  { migrate, listen, ...options }: PostgresAccess,
): Promise<PostgresStore> {
  const { PostgresStore: Store } = await loadPackage();
  const { connectionString, schema } = location.connection;
  // Without a password in the URL, pg takes it from PGPASSWORD or ~/.pgpass, as psql does.
  const connection = { connectionString, application_name: 'mb' };
  return new Store({ ...options, connection, migrate, listen, ...(schema !== undefined && { schema }) });
}

async function loadPackage(): Promise<typeof import('@mb/queue-postgres')> {
  try {
    return await import('@mb/queue-postgres');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const message =
      'A queue in PostgreSQL needs a package that is not installed; run: npm install --global @mb/queue-postgres';
    throw new CliError('MB_CLI_PACKAGE', message, { cause });
  }
}
