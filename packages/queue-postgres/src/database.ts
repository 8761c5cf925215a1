import { BrokerError } from '@mb/broker/store';
import type { Pool, PoolClient, QueryResultRow } from 'pg';

/** Something that runs statements: a pool, a client, or the application's transaction. */
export interface Queryable {
  /** Runs one statement with its parameters `$1`, `$2` …. */
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** SQLSTATEs of a transaction that lost against another one and can be repeated. */
const repeatable: ReadonlySet<string> = new Set(['40001', '40P01']);
const mostTries = 5;
/** With a timeout, after which the server ends the transaction of a process that vanished, and frees its locks. */
const begin = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '15s'";

/** A pool that repeats statements which lost against others, and throws errors of the broker. */
export class Database {
  readonly pool: Pool;
  readonly #prepares: boolean;

  /** @param prepares  Whether a connection keeps its session of the server, so that named statements can be used. */
  constructor(pool: Pool, prepares: boolean) {
    this.pool = pool;
    this.#prepares = prepares;
  }

  /**
   * Runs one statement, which is its own transaction.
   *
   * @param name  Name of a frequent statement, which the server then parses once for each connection.
   */
  async query<Found extends QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
    name?: string,
  ): Promise<Found[]> {
    const named = this.#prepares && name !== undefined ? { name } : {};
    for (let tries = 1; ; tries++) {
      try {
        const { rows } = await this.pool.query<Found>({ ...named, text, values: [...values] });
        return rows;
      } catch (error) {
        if (tries === mostTries || !mayRepeat(error)) throw databaseError(error);
      }
    }
  }

  /** Runs `work` in a transaction. */
  async transaction<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries++) {
      const client = await this.#connect();
      let broken: Error | undefined;
      try {
        await client.query(begin);
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((failure: Error) => {
          broken = failure;
        });
        if (tries === mostTries || !mayRepeat(error)) throw databaseError(error);
      } finally {
        // A connection that cannot roll back is not used again.
        client.release(broken);
      }
    }
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.pool.connect();
    } catch (error) {
      throw databaseError(error);
    }
  }
}

function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

function mayRepeat(error: unknown): boolean {
  return repeatable.has(sqlState(error) ?? '');
}

/** Classes of SQLSTATE about the state of the server, not about the statement: connection, resources, operator. */
const passing = /^(?:08|53|57|58)/;

/** Converts an error of the driver to a BrokerError; a BrokerError is returned unchanged. */
export function databaseError(error: unknown): unknown {
  if (BrokerError.isInstance(error)) return error;
  const state = sqlState(error);
  const said = messageOf(error);
  const kind = state === undefined || state.startsWith('08') ? 'network' : 'internal';
  return new BrokerError('MB_BROKER_STORE_FAILED', kind, `PostgreSQL failed: ${said}.`, {
    cause: error,
    retryable: state === undefined || passing.test(state) || repeatable.has(state),
  });
}

/** The message of an error. When each address of a host has failed, only the parts of the error have messages. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
