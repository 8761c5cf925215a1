import type { MailBroker, Records, TlsObservation } from '@mb/broker';
import { DatedRecords, placeOf } from '../dated-records.ts';
import { firstRows } from './first-rows.ts';

/** Sessions with one host that failed in one way, under one policy. */
export interface OwnTlsFailure {
  /** RFC 8460 §4.3, such as `certificate-expired`. */
  readonly resultType: string;
  readonly host: string;
  /** RFC 8460 §4.4: `tlsa`, `sts` or `no-policy-found`. */
  readonly policy: string;
  readonly sessions: number;
  /** The latest one, in a sentence. */
  readonly detail?: string;
}

/** How TLS went with the hosts of a domain. */
export interface OwnTlsDomain {
  readonly domain: string;
  readonly succeeded: number;
  readonly failed: number;
  /** Most sessions first. */
  readonly failures: readonly OwnTlsFailure[];
}

/** How TLS went in our own sessions. */
export interface OwnTlsTotals {
  readonly succeeded: number;
  readonly failed: number;
  /** Domains with failures, the most failures first. */
  readonly domains: readonly OwnTlsDomain[];
}

/** What {@link TlsResults} takes from outside. */
export interface TlsResultsParts {
  readonly records: Records;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
  /** Names this process among those that share the store. */
  readonly owner: string;
}

const collection = 'tls-result';
const dayMs = 86_400_000;
/** How long the counts are kept, as reports are. */
const keepMs = 90 * dayMs;
const maxRecords = 10_000;
/** Domains that one process counts apart in a day; the sessions of the others are in the sums alone. */
const maxDomains = 10_000;
/** Hosts and ways to fail that are distinguished for one domain. */
const maxFailures = 50;
/** Octets of the domains of a record, which may have 64 KiB. */
const maxBytes = 48 * 1024;
const maxText = 200;
const writeEveryMs = 10_000;

interface Counted {
  succeeded: number;
  failed: number;
  readonly failures: Map<string, OwnTlsFailure>;
}

/** The counts of one day. */
interface Day {
  readonly start: number;
  succeeded: number;
  failed: number;
  readonly domains: Map<string, Counted>;
}

/**
 * Counts how TLS went in the sessions of this process, in the terms of TLS reporting (RFC 8460 §4.3). Each process has a
 * record for each day, which it writes some seconds after a change; the sums are those of all processes.
 */
export class TlsResults {
  readonly #parts: TlsResultsParts;
  readonly #dated: DatedRecords;
  #day: Day | undefined;
  /** Days that have changed since they were written. */
  readonly #changed = new Set<Day>();
  #timer: NodeJS.Timeout | undefined;
  /** Writes follow each other. */
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: TlsResultsParts) {
    this.#parts = parts;
    const { records, onError } = parts;
    this.#dated = new DatedRecords({ records, collection, keepMs, most: maxRecords, onError });
  }

  /** Counts what a broker does, until the function that it returns is called. */
  watch(broker: Pick<MailBroker, 'observe'>): () => void {
    return broker.observe((seen) => this.#count(seen as TlsObservation), { types: ['tls'] });
  }

  /** Writes what has changed since the last time. When the store fails, it is written with the next change. */
  write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const written = this.#writing.then(() => this.#writeChanged());
    this.#writing = written.catch(() => {});
    return written;
  }

  /** The sums of all processes since the day of a moment. */
  async totals(since: number): Promise<OwnTlsTotals> {
    await this.write();
    const sums = emptyDay(startOfDay(since));
    for await (const { value } of this.#dated.since(sums.start)) addTotals(sums, value as OwnTlsTotals);
    return totalsOf(sums);
  }

  #count({ domain, host, policy, result, detail }: TlsObservation): void {
    const start = startOfDay(this.#parts.now());
    if (this.#day?.start !== start) this.#day = emptyDay(start);
    const failure = { resultType: result, host, policy, sessions: 1, ...(detail && { detail }) };
    addSession(this.#day, domain, result === 'success' ? undefined : failure);
    this.#changed.add(this.#day);
    this.#timer ??= setTimeout(() => void this.write().catch(this.#parts.onError), writeEveryMs).unref();
  }

  async #writeChanged(): Promise<void> {
    const { records, owner, now } = this.#parts;
    for (const day of [...this.#changed]) {
      this.#changed.delete(day);
      try {
        const totals = totalsOf(day);
        const value = { ...totals, domains: firstRows(totals.domains, maxBytes) };
        await records.put(collection, `${placeOf(day.start)}-${owner}`, value);
      } catch (error) {
        this.#changed.add(day);
        throw error;
      }
      this.#dated.purgeWhenDue(now());
    }
  }
}

function startOfDay(at: number): number {
  return Math.floor(at / dayMs) * dayMs;
}

function emptyDay(start: number): Day {
  return { start, succeeded: 0, failed: 0, domains: new Map() };
}

function domainOf({ domains }: Day, domain: string): Counted | undefined {
  const known = domains.get(domain);
  if (known || domains.size >= maxDomains) return known;
  const counted: Counted = { succeeded: 0, failed: 0, failures: new Map() };
  domains.set(domain, counted);
  return counted;
}

function addSession(day: Day, domain: string, failure: OwnTlsFailure | undefined): void {
  const counted = domainOf(day, domain);
  for (const sum of counted ? [day, counted] : [day]) {
    if (failure) sum.failed++;
    else sum.succeeded++;
  }
  if (counted && failure) addFailure(counted, failure);
}

function addFailure({ failures }: Counted, failure: OwnTlsFailure): void {
  const { resultType, host, policy, sessions, detail } = failure;
  const name = JSON.stringify([resultType, host, policy]);
  const known = failures.get(name);
  if (!known && failures.size >= maxFailures) return;
  const latest = detail ?? known?.detail;
  failures.set(name, {
    ...{ resultType, host, policy, sessions: sessions + (known?.sessions ?? 0) },
    ...(latest !== undefined && { detail: latest.toWellFormed().slice(0, maxText).toWellFormed() }),
  });
}

function addTotals(sums: Day, { succeeded, failed, domains }: OwnTlsTotals): void {
  sums.succeeded += succeeded;
  sums.failed += failed;
  for (const { domain, failures, ...counts } of domains) {
    const counted = domainOf(sums, domain);
    if (!counted) continue;
    counted.succeeded += counts.succeeded;
    counted.failed += counts.failed;
    for (const failure of failures) addFailure(counted, failure);
  }
}

function totalsOf({ succeeded, failed, domains }: Day): OwnTlsTotals {
  return {
    succeeded,
    failed,
    domains: [...domains]
      .filter(([, counted]) => counted.failed > 0)
      .map(([domain, { failures, ...counts }]) => ({
        domain,
        ...counts,
        failures: [...failures.values()].sort((a, b) => b.sessions - a.sessions),
      }))
      .sort((a, b) => b.failed - a.failed),
  };
}
