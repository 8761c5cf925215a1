import { BrokerError } from '../errors.ts';
import { everyRow, type Page } from '../store/page.ts';
import { isRecordConflict, type RecordPageRequest, type Records } from '../store/records.ts';
import { domainCollection, type StoredDomain, watchCollection } from './domain-record.ts';

/** A domain with its name and version. */
export interface BookedDomain {
  readonly domain: string;
  readonly version: number;
  readonly stored: StoredDomain;
}

/** Repetitions of a change that conflicts with other changes. */
const maxTries = 10;

/** The domains among the records of a store; each change is compared and swapped. */
export class DomainBook {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  async find(domain: string): Promise<BookedDomain | undefined> {
    const row = await this.#records.get(domainCollection, domain);
    return row ? { domain, version: row.version, stored: row.value as StoredDomain } : undefined;
  }

  /** @throws {BrokerError} MB_BROKER_NOT_FOUND */
  async get(domain: string): Promise<BookedDomain> {
    const found = await this.find(domain);
    if (found) return found;
    throw new BrokerError(
      'MB_BROKER_NOT_FOUND',
      'invalid-input',
      `There is no domain ${JSON.stringify(domain.slice(0, 80))}; add it first.`,
    );
  }

  async list(page: RecordPageRequest): Promise<Page<BookedDomain>> {
    const { rows, next } = await this.#records.list(domainCollection, page);
    const booked = rows.map(({ key, version, value }) => ({
      domain: key,
      version,
      stored: value as StoredDomain,
    }));
    return { rows: booked, ...(next !== undefined && { next }) };
  }

  /** All domains, page by page. */
  all(): AsyncGenerator<BookedDomain, void, undefined> {
    return everyRow((page) => this.list(page));
  }

  /** Writes a new domain. @throws {BrokerError} MB_BROKER_RECORD_CONFLICT when it is there already. */
  async create(domain: string, stored: StoredDomain): Promise<BookedDomain> {
    return this.#write(domain, stored, 0);
  }

  /**
   * Changes a domain; repeats the change when another process has written in between.
   *
   * @param change  May be called several times. Returns what it was given to change nothing.
   * @param ifVersion  Only this version is changed.
   * @throws {BrokerError} MB_BROKER_NOT_FOUND, MB_BROKER_RECORD_CONFLICT
   */
  async change(
    domain: string,
    change: (stored: StoredDomain) => StoredDomain | Promise<StoredDomain>,
    ifVersion?: number,
  ): Promise<BookedDomain> {
    for (let tries = 1; ; tries++) {
      const booked = await this.get(domain);
      if (ifVersion !== undefined && booked.version !== ifVersion) throw changedMeanwhile(domain);
      const next = await change(booked.stored);
      if (next === booked.stored) return booked;
      try {
        return await this.#write(domain, next, booked.version);
      } catch (error) {
        if (!isRecordConflict(error) || tries >= maxTries) throw error;
      }
    }
  }

  /** Writes a change of exactly this version; undefined when another process has changed it. */
  async replace({ domain, version }: BookedDomain, stored: StoredDomain): Promise<BookedDomain | undefined> {
    try {
      return await this.#write(domain, stored, version);
    } catch (error) {
      if (isRecordConflict(error)) return undefined;
      throw error;
    }
  }

  async delete(domain: string): Promise<void> {
    await this.get(domain);
    await this.#records.delete(domainCollection, domain);
    await this.#records.delete(watchCollection, domain);
  }

  async #write(domain: string, stored: StoredDomain, ifVersion: number): Promise<BookedDomain> {
    const { version } = await this.#records.put(domainCollection, domain, stored, { ifVersion });
    return { domain, version, stored };
  }
}

function changedMeanwhile(domain: string): BrokerError {
  return new BrokerError(
    'MB_BROKER_RECORD_CONFLICT',
    'invalid-input',
    `${domain} was changed by another process since it was read; read it again.`,
  );
}
