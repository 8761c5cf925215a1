/** A value in SQLite. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** A row, by column. */
export type Row = Record<string, SqlValue>;

/** A prepared statement of `node:sqlite` or `better-sqlite3`. */
export interface SqliteStatement {
  /** Runs a statement that returns no rows. */
  run(...values: SqlValue[]): {
    readonly changes: number | bigint;
    readonly lastInsertRowid: number | bigint;
  };
  /** The first row, if there is one. */
  get(...values: SqlValue[]): unknown;
  /** All rows. */
  all(...values: SqlValue[]): unknown[];
}

/** A synchronous connection to the store's file: `DatabaseSync` of `node:sqlite`, or `Database` of `better-sqlite3`. */
export interface SqliteConnection {
  /** Compiles a statement. */
  prepare(sql: string): SqliteStatement;
  /** Whether a transaction is open, in node:sqlite. */
  readonly isTransaction?: boolean;
  /** Whether a transaction is open, in better-sqlite3. */
  readonly inTransaction?: boolean;
}

/** A connection that prepares each statement once. */
export class Sql {
  readonly #connection: SqliteConnection;
  readonly #statements = new Map<string, SqliteStatement>();

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  run(sql: string, ...values: SqlValue[]): { changes: number; id: number } {
    const { changes, lastInsertRowid } = this.#statement(sql).run(...values);
    return { changes: Number(changes), id: Number(lastInsertRowid) };
  }

  get<Found = Row>(sql: string, ...values: SqlValue[]): Found | undefined {
    return (this.#statement(sql).get(...values) as Found | undefined) ?? undefined;
  }

  all<Found = Row>(sql: string, ...values: SqlValue[]): Found[] {
    return this.#statement(sql).all(...values) as Found[];
  }

  /** False after an error that ended the whole transaction, such as a failing disk. */
  get inTransaction(): boolean {
    return this.#connection.isTransaction ?? this.#connection.inTransaction ?? true;
  }

  #statement(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
