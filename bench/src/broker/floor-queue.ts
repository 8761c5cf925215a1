import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { FloorConnection } from '../smtp/floor.ts';
import { MESSAGE, RECIPIENT, SENDER } from '../smtp/payload.ts';

const CONNECTIONS = 10;
/** Messages that one connection sends before it looks for more. */
const BATCH = 32;

/**
 * The floor of a durable queue: one SQLite table, one commit with fsync for all messages of a turn, and connections
 * that overlap messages. It cannot retry, wait, bounce or tell what became of a message.
 */
export class FloorQueue {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #queued: number[] = [];
  #accepting: ((id: number) => void)[] = [];
  #done: number[] = [];
  #scheduled = false;
  #connections: Promise<FloorConnection[]>;
  readonly #idle: number[] = [];

  /** @param port  Where to deliver; undefined: nothing is delivered. */
  constructor(file: string, port?: number) {
    this.#database = new DatabaseSync(file);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    this.#database.exec(
      'CREATE TABLE message (id INTEGER PRIMARY KEY, sender TEXT, recipient TEXT, body BLOB)',
    );
    this.#insert = this.#database.prepare('INSERT INTO message (sender, recipient, body) VALUES (?, ?, ?)');
    this.#remove = this.#database.prepare('DELETE FROM message WHERE id = ?');
    const indices = Array.from({ length: port === undefined ? 0 : CONNECTIONS }, (_, i) => i);
    this.#connections = Promise.all(indices.map(() => FloorConnection.open(port!, false)));
    this.#idle.push(...indices);
  }

  /** Resolves once the message is on the disk. */
  accept(): Promise<number> {
    return new Promise((resolve) => {
      this.#accepting.push(resolve);
      this.#schedule();
    });
  }

  /** Messages that were accepted and are not yet known to be delivered. */
  get depth(): number {
    return (this.#database.prepare('SELECT count(*) AS n FROM message').get() as { n: number }).n;
  }

  async close(): Promise<void> {
    for (const connection of await this.#connections) connection.close();
    this.#database.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#commit());
  }

  #commit(): void {
    this.#scheduled = false;
    const accepting = this.#accepting.splice(0);
    const done = this.#done.splice(0);
    this.#database.exec('BEGIN IMMEDIATE');
    for (const id of done) this.#remove.run(id);
    const ids = accepting.map(() => Number(this.#insert.run(SENDER, RECIPIENT, MESSAGE).lastInsertRowid));
    this.#database.exec('COMMIT');
    for (const [i, resolve] of accepting.entries()) resolve(ids[i]!);
    this.#queued.push(...ids);
    while (this.#queued.length > 0 && this.#idle.length > 0) void this.#deliver(this.#idle.pop()!);
  }

  async #deliver(index: number): Promise<void> {
    const connection = (await this.#connections)[index]!;
    while (this.#queued.length > 0) {
      const batch = this.#queued.splice(0, BATCH);
      await connection.send(batch.length, 'overlap');
      this.#done.push(...batch);
      this.#schedule();
    }
    this.#idle.push(index);
  }
}
