import type { Sql } from './connection.ts';

/** With more names than this, each site is looked up in the tables. */
const mostNames = 500;

const selectNames = 'SELECT name FROM mb_own_site LIMIT ?';
const selectOwn = `SELECT 1 FROM mb_site WHERE name = ? AND (suspended = 1 OR limits IS NOT NULL
  OR (pacing ->> 'pauseReason' = 'operator' AND pacing ->> 'pausedUntil' > ?))`;
const isCandidate = `SELECT 1 FROM mb_site WHERE name = ? AND (suspended = 1 OR limits IS NOT NULL
  OR pacing ->> 'pauseReason' = 'operator')`;

/**
 * The sites with settings of their own, as one transaction sees them. There are few, and nearly every step of a message
 * asks whether its domain is one of them, so the names are read once.
 */
export class OwnSites {
  #names: ReadonlySet<string> | 'many' | undefined;

  /** Whether a domain is its own site at the time `now`, in epoch milliseconds. */
  has(sql: Sql, domain: string, now: number): boolean {
    this.#names ??= this.#read(sql);
    if (this.#names !== 'many' && !this.#names.has(domain)) return false;
    return sql.get(selectOwn, domain, now) !== undefined;
  }

  /** Updates the list of names after the settings of a site have changed. */
  changed(sql: Sql, name: string): void {
    const write = sql.get(isCandidate, name)
      ? 'INSERT INTO mb_own_site (name) VALUES (?) ON CONFLICT (name) DO NOTHING'
      : 'DELETE FROM mb_own_site WHERE name = ?';
    sql.run(write, name);
    this.forget();
  }

  /** Forgets the names, at the beginning of a transaction and when a write was undone. */
  forget(): void {
    this.#names = undefined;
  }

  #read(sql: Sql): ReadonlySet<string> | 'many' {
    const rows = sql.all<{ name: string }>(selectNames, mostNames + 1);
    return rows.length > mostNames ? 'many' : new Set(rows.map(({ name }) => name));
  }
}
