import { createHash, randomBytes } from 'node:crypto';
import type { Records } from '@mb/broker';
import type { ApiKey, ApiKeys } from './api-keys.ts';

/** A person who has logged in with a key. */
export interface Session {
  /** The key, with the scopes that the session has. */
  readonly key: ApiKey;
  readonly readOnly: boolean;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

interface StoredSession {
  readonly readOnly: boolean;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** What sessions take from outside. */
export interface SessionsParts {
  readonly records: Records;
  readonly keys: ApiKeys;
  readonly now: () => number;
  /** How long a session lasts, in milliseconds. */
  readonly lifetimeMs: number;
  /** Whether all sessions are read-only, also those that exist. */
  readonly readOnly: boolean;
}

const collection = 'session';
/** Sessions of one key at once; the oldest ends when there are more. */
const maxSessions = 20;
/** What a read-only session may do, if its key may. */
const readScopes: readonly string[] = ['read', 'content'];

/**
 * Sessions of browsers. The cookie holds a secret of 256 bits, and the records hold its digest, so that all servers
 * share the sessions. A session ends with its key: the key is read again at each request.
 */
export class Sessions {
  readonly #parts: SessionsParts;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  /** Begins a session. @returns it, and the value of its cookie. */
  async create(
    key: ApiKey,
    readOnly: boolean,
  ): Promise<{ readonly session: Session; readonly value: string }> {
    const { records, now, lifetimeMs } = this.#parts;
    await this.#makeRoom(key.id);
    const secret = randomBytes(32).toString('base64url');
    const createdAt = now();
    // A session that outlives its key would only be refused.
    const keyEnds = key.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(key.expiresAt);
    const stored: StoredSession = {
      readOnly,
      createdAt,
      expiresAt: Math.min(createdAt + lifetimeMs, keyEnds),
    };
    await records.put(collection, recordKey(key.id, secret), stored, { ifVersion: 0 });
    return { session: this.#sessionOf(key, stored), value: `${key.id}_${secret}` };
  }

  /** The session of a cookie; undefined when it is unknown or over, or its key is revoked or expired. */
  async verify(value: string): Promise<Session | undefined> {
    const [, id, secret] = pattern.exec(value) ?? [];
    if (id === undefined || secret === undefined) return undefined;
    const row = await this.#parts.records.get(collection, recordKey(id, secret));
    const stored = row?.value as StoredSession | undefined;
    if (!stored || stored.expiresAt <= this.#parts.now()) return undefined;
    const key = await this.#parts.keys.current(id);
    return key && this.#sessionOf(key, stored);
  }

  /** Ends a session; does nothing when there is none. */
  async end(value: string): Promise<void> {
    const [, id, secret] = pattern.exec(value) ?? [];
    if (id !== undefined && secret !== undefined)
      await this.#parts.records.delete(collection, recordKey(id, secret));
  }

  #sessionOf(key: ApiKey, { readOnly: chosen, expiresAt }: StoredSession): Session {
    const readOnly = chosen || this.#parts.readOnly;
    const scopes = readOnly ? key.scopes.filter((scope) => readScopes.includes(scope)) : key.scopes;
    return { key: { ...key, scopes }, readOnly, expiresAt };
  }

  /** Deletes the sessions of a key that are over, and the oldest where there are too many. */
  async #makeRoom(id: string): Promise<void> {
    const { records, now } = this.#parts;
    const { rows } = await records.list(collection, { prefix: `${id}/`, limit: 1000 });
    const living = rows
      .map(({ key, value }) => ({ key, ...(value as StoredSession) }))
      .sort((a, b) => b.createdAt - a.createdAt);
    const over = living.filter(({ expiresAt }, index) => expiresAt <= now() || index >= maxSessions - 1);
    for (const { key } of over) await records.delete(collection, key);
  }
}

const pattern = /^([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

function recordKey(id: string, secret: string): string {
  return `${id}/${createHash('sha256').update(secret).digest('base64url')}`;
}
