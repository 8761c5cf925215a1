import { randomBytes } from 'node:crypto';
import { BrokerError, type Records } from '@mb/broker';
import { DatedRecords, placeOf } from './dated-records.ts';

/** A request to change something, with its result. */
export interface AuditEntry {
  /** ISO 8601. */
  readonly at: string;
  readonly keyId: string;
  readonly keyName: string;
  /** Of the key; absent for keys of all tenants. */
  readonly tenant?: string;
  /** Whether a browser sent it, with a session. */
  readonly session: boolean;
  /** Address of the client, where it is known. */
  readonly address?: string;
  readonly method: string;
  /** With what it acts on, as `/v1/suppressions/bob@example.org`. */
  readonly path: string;
  /** The parameters and the JSON of the request, shortened and without secrets. */
  readonly details?: object;
  /** Status of the response. Absent: the server ended before there was one. */
  readonly status?: number;
}

/** An entry of the log with its id. */
export interface KeptAuditEntry extends AuditEntry {
  readonly id: string;
}

/** What the log takes from outside. */
export interface AuditLogParts {
  readonly records: Records;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

const collection = 'audit';
/** How long entries are kept, in milliseconds: a year. */
const keepMs = 366 * 86_400_000;
/** Most entries that are kept; a program that changes much must not fill the store. */
const maxEntries = 100_000;

/**
 * Who changed what, by the HTTP API. An entry is written before the change is made and completed after it, so that
 * every change has one. Entries are kept in the records of the queue, for all servers.
 */
export class AuditLog {
  readonly #parts: AuditLogParts;
  readonly #dated: DatedRecords;

  constructor(parts: AuditLogParts) {
    this.#parts = parts;
    const { records, onError } = parts;
    this.#dated = new DatedRecords({ records, collection, keepMs, most: maxEntries, onError });
  }

  /** Writes down that a change begins. @returns what completes the entry with the status of the response. */
  async begin(given: Omit<AuditEntry, 'at' | 'status'>): Promise<(status: number) => Promise<void>> {
    const { records, now, onError } = this.#parts;
    const at = now();
    const entry: AuditEntry = { at: new Date(at).toISOString(), ...given };
    const id = `${placeOf(at)}-${randomBytes(6).toString('hex')}`;
    await records.put(collection, id, entry);
    this.#dated.purgeWhenDue(at);
    return async (status) => {
      try {
        await records.put(collection, id, { ...entry, status });
      } catch (error) {
        // The change is made: a failure to complete its entry must not cost the client the response.
        if (!BrokerError.isInstance(error) || error.code !== 'MB_BROKER_STORE_CLOSED') onError(error);
      }
    };
  }

  /** A page of entries, the latest first; with `tenant` those of its keys, so that a page may be short. */
  async list(request: {
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
    readonly tenant?: string | undefined;
  }): Promise<{ readonly rows: readonly KeptAuditEntry[]; readonly next?: string }> {
    const { tenant, ...page } = request;
    const { rows, next } = await this.#parts.records.list(collection, page);
    const entries = rows.map(({ key, value }) => ({ id: key, ...(value as AuditEntry) }));
    return {
      rows: tenant === undefined ? entries : entries.filter((entry) => entry.tenant === tenant),
      ...(next !== undefined && { next }),
    };
  }
}
