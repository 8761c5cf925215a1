import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { BrokerError, type Records, type StoredRecord } from '@mb/broker';
import { z } from 'zod';
import { ServerError } from './errors.ts';
import { strictObject } from './strict-object.ts';

/**
 * What a key may do:
 *
 * - `send`: accept messages, by HTTP and by SMTP.
 * - `read`: look at messages, recipients, events and suppressions.
 * - `content`: read the content of messages.
 * - `operate`: hold, release, retry, cancel; suppressions; destinations.
 * - `admin`: keys and settings.
 */
export const scopes = ['send', 'read', 'content', 'operate', 'admin'] as const;

/** One of {@link scopes}. */
export type Scope = (typeof scopes)[number];

const word = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}]*$/u, 'must not have control characters');
/** A domain that authors may have, or `*.` and one for all below it. */
export const senderDomainPattern = /^(?:\*\.)?[^\s@*/:,;]+$/u;

const senderDomain = z
  .string()
  .max(255)
  .regex(senderDomainPattern, 'must be a domain such as example.com or *.example.com');

/** What a new key is given. */
export const newApiKeySchema = strictObject({
  name: word.describe('For people: which program has the key.'),
  scopes: z.array(z.enum(scopes)).min(1),
  tenant: word.optional().describe('Whose mail it sees and sends. Default: that of all tenants.'),
  senderDomains: z
    .array(senderDomain)
    .min(1)
    .optional()
    .describe('Domains that authors and return paths may have. Default: any.'),
  expiresAt: z.iso.datetime({ offset: true }).optional().describe('Default: never.'),
  requestsPerMinute: z.int().min(1).max(1_000_000).optional().describe('Default: 6,000.'),
});

/** What a new key is given. */
export type NewApiKey = z.infer<typeof newApiKeySchema>;

/** A key as it is shown: everything but the secret. */
export interface ApiKey extends NewApiKey {
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601, to the minute. Absent: never used. */
  readonly lastUsedAt?: string;
}

interface StoredKey extends Omit<ApiKey, 'id' | 'lastUsedAt'> {
  /** SHA-256 of the secret. It has 256 random bits, so that a slow hash would add nothing. */
  readonly digest: string;
}

interface CachedKey {
  readonly stored: StoredKey | null;
  readonly until: number;
}

const collection = 'api-key';
const usesCollection = 'api-key-use';
/** How long a key that was revoked by another process may go on. */
const cacheMs = 1000;
const maxCached = 10_000;
const noSecret = Buffer.alloc(32);

/** What the keys take from outside. */
export interface ApiKeysParts {
  readonly records: Records;
  readonly now: () => number;
  /** Told when the last use of a key could not be written down. */
  readonly onError: (error: unknown) => void;
}

/**
 * Keys of an API: each is shown once, and kept as a digest in the records of the queue, so that all servers share them.
 *
 * @example
 * const { key, token } = await keys.create({ name: 'shop', scopes: ['send'], tenant: 'shop' });
 */
export class ApiKeys {
  readonly #parts: ApiKeysParts;
  readonly #cache = new Map<string, CachedKey>();
  /** When the use of a key was last written down, by id. */
  readonly #used = new Map<string, number>();

  constructor(parts: ApiKeysParts) {
    this.#parts = parts;
  }

  /**
   * Makes a key.
   *
   * @returns the key, and the token that its holder sends: the only time that it is shown.
   * @throws {ServerError} MB_SERVER_KEY for a wrong field.
   */
  async create(given: NewApiKey): Promise<{ readonly key: ApiKey; readonly token: string }> {
    const checked = newApiKeySchema.safeParse(given);
    if (!checked.success)
      throw new ServerError('MB_SERVER_KEY', 'invalid-input', z.prettifyError(checked.error));
    const id = randomBytes(8).toString('hex');
    const secret = randomBytes(32).toString('base64url');
    const createdAt = new Date(this.#parts.now()).toISOString();
    const stored: StoredKey = { ...checked.data, createdAt, digest: digestOf(secret).toString('base64url') };
    await this.#parts.records.put(collection, id, stored, { ifVersion: 0 });
    return { key: shown(id, stored), token: `mb_${id}_${secret}` };
  }

  /** The key of a token; undefined when it is wrong, revoked or expired. */
  async verify(token: string): Promise<ApiKey | undefined> {
    const match = /^mb_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/.exec(token);
    const [, id = '', secret = ''] = match ?? [];
    const stored = match ? await this.#read(id) : null;
    // An unknown id takes as long as a wrong secret.
    const expected = stored ? Buffer.from(stored.digest, 'base64url') : noSecret;
    const right = timingSafeEqual(digestOf(secret), expected);
    return stored && right ? this.#valid(id, stored) : undefined;
  }

  /** The key of an id whose holder has shown its token before; undefined when it is revoked or expired. */
  async current(id: string): Promise<ApiKey | undefined> {
    const stored = await this.#read(id);
    return stored ? this.#valid(id, stored) : undefined;
  }

  /** All keys in the order of their ids. */
  async list(
    page: { readonly after?: string | undefined; readonly limit?: number | undefined } = {},
  ): Promise<{
    readonly rows: readonly ApiKey[];
    readonly next?: string;
  }> {
    const { records } = this.#parts;
    const { rows, next } = await records.list(collection, page);
    const keys = await Promise.all(rows.map((row) => this.#withUse(row)));
    return { rows: keys, ...(next !== undefined && { next }) };
  }

  /** One key; undefined when there is none. */
  async get(id: string): Promise<ApiKey | undefined> {
    const row = /^[0-9a-f]{16}$/.test(id) ? await this.#parts.records.get(collection, id) : null;
    return row ? this.#withUse(row) : undefined;
  }

  /** Ends a key: here at once, in other processes within a second. False when there was none. */
  async revoke(id: string): Promise<boolean> {
    if (!/^[0-9a-f]{16}$/.test(id)) return false;
    const revoked = await this.#parts.records.delete(collection, id);
    this.#cache.delete(id);
    await this.#parts.records.delete(usesCollection, id);
    return revoked;
  }

  #valid(id: string, stored: StoredKey): ApiKey | undefined {
    const now = this.#parts.now();
    if (stored.expiresAt !== undefined && Date.parse(stored.expiresAt) <= now) return undefined;
    this.#noteUse(id, now);
    return shown(id, stored);
  }

  async #withUse({ key, value }: StoredRecord): Promise<ApiKey> {
    const use = await this.#parts.records.get(usesCollection, key);
    const { at } = (use?.value ?? {}) as { readonly at?: string };
    return { ...shown(key, value as StoredKey), ...(at !== undefined && { lastUsedAt: at }) };
  }

  async #read(id: string): Promise<StoredKey | null> {
    const now = this.#parts.now();
    const cached = this.#cache.get(id);
    if (cached && cached.until > now) return cached.stored;
    const row = await this.#parts.records.get(collection, id);
    const stored = row ? (row.value as StoredKey) : null;
    if (this.#cache.size >= maxCached) this.#cache.clear();
    this.#cache.set(id, { stored, until: now + cacheMs });
    return stored;
  }

  /** To the minute, so that a busy key is not written for each request. */
  #noteUse(id: string, now: number): void {
    if (now - (this.#used.get(id) ?? 0) < 60_000) return;
    this.#used.set(id, now);
    const at = `${new Date(now).toISOString().slice(0, 16)}Z`;
    this.#parts.records.put(usesCollection, id, { at }).catch((error: unknown) => {
      if (!BrokerError.isInstance(error) || error.code !== 'MB_BROKER_STORE_CLOSED')
        this.#parts.onError(error);
    });
  }
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function shown(id: string, { digest: _, ...facts }: StoredKey): ApiKey {
  return { id, ...facts };
}
