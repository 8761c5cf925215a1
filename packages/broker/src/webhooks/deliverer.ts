import { hostname as machineName } from 'node:os';
import type { Clock } from '../clock.ts';
import type { RetrySchedule } from '../store/backoff.ts';
import type { QueueStore } from '../store/port.ts';
import { isRecordConflict, type RecordChange, watchRecords } from '../store/records.ts';
import { sleep } from '../wait.ts';
import type { WebhookAttempt } from './attempt.ts';
import { readState, writeState } from './delivery-state.ts';
import type { StoredEndpoint } from './endpoint.ts';
import { EndpointDelivery, type OpenEndpoint } from './endpoint-delivery.ts';
import type { EndpointSecrets } from './endpoint-secrets.ts';
import { EventPages } from './event-pages.ts';
import { deleteEvents, waitingCollection } from './waiting-event.ts';
import type { WebhookClient } from './webhook-client.ts';
import type { WebhookEvent } from './webhook-event.ts';

/** What {@link Deliverer} takes from outside. */
export interface DelivererParts {
  readonly store: QueueStore<unknown>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly schedule: RetrySchedule;
  readonly concurrency: number;
  readonly retryForMs: number;
  readonly leaseMs: number;
  readonly secrets: EndpointSecrets;
  readonly createClient: () => WebhookClient;
  readonly onError: (error: unknown) => void;
  readonly onAttempt: (id: string, attempt: WebhookAttempt, event: WebhookEvent) => void;
  readonly disable: (id: string, reason: string) => Promise<void>;
}

/** The last known state of an endpoint, and since when it has not changed. */
interface Seen {
  readonly version: number;
  readonly since: number;
}

/**
 * Delivers to all endpoints that no other process on the store delivers to. An endpoint belongs to the process that its
 * state names. Another process takes it over when the state has not changed for the time of a lease, so that clocks
 * need not agree.
 */
export class Deliverer {
  readonly #parts: DelivererParts;
  readonly #pages: EventPages;
  readonly #owner: string;
  readonly #end = new AbortController();
  readonly #endpoints = new Map<string, StoredEndpoint>();
  readonly #deliveries = new Map<string, EndpointDelivery>();
  readonly #seen = new Map<string, Seen>();
  /** Endpoints whose secrets did not open, as they were then: each is reported once. */
  readonly #unopened = new Map<string, StoredEndpoint>();
  readonly #loops: Promise<void>;
  #graceMs = 0;
  #wake: () => void = () => {};

  constructor(parts: DelivererParts) {
    this.#parts = parts;
    this.#pages = new EventPages(parts.store);
    this.#owner = `${machineName()}:${process.pid}:${Math.floor(parts.random() * 2 ** 32).toString(36)}`;
    this.#loops = this.#run();
  }

  /** Starts no new calls, and waits `graceMs` for those under way. */
  async stop(graceMs: number): Promise<void> {
    this.#graceMs = graceMs;
    this.#end.abort();
    await this.#loops;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    const { onError } = this.#parts;
    const watching = [
      this.#each('webhook', (change) => this.#onEndpoint(change)),
      this.#each(waitingCollection, (change) => this.#onWaiting(change)),
    ];
    while (!signal.aborted) {
      for (const [id, endpoint] of this.#endpoints) {
        if (!endpoint.enabled || this.#deliveries.has(id) || signal.aborted) continue;
        await this.#tryToOwn(id, endpoint).catch((error: unknown) => {
          if (!isRecordConflict(error)) onError(error);
        });
      }
      await this.#pause();
    }
    await Promise.all(watching);
    await Promise.all([...this.#deliveries.values()].map((one) => one.stop(this.#graceMs)));
  }

  async #each(collection: string, onChange: (change: RecordChange) => void | Promise<void>): Promise<void> {
    const { store, onError } = this.#parts;
    try {
      for await (const change of watchRecords(store, collection, { signal: this.#end.signal, onError })) {
        await onChange(change);
      }
    } catch (error) {
      onError(error);
    }
  }

  async #onEndpoint({ key: id, value }: RecordChange): Promise<void> {
    if (value) this.#endpoints.set(id, value as StoredEndpoint);
    else this.#endpoints.delete(id);
    await this.#apply(id);
  }

  /** Continues with an endpoint as it is now. */
  async #apply(id: string): Promise<void> {
    const endpoint = this.#endpoints.get(id);
    const delivery = this.#deliveries.get(id);
    if (!endpoint) this.#unopened.delete(id);
    if (!delivery) {
      if (endpoint?.enabled) this.#wake();
      return;
    }
    const open = endpoint?.enabled && (await this.#open(id, endpoint));
    // Changed meanwhile: the latest change counts, and the call that saw it applies it.
    if (this.#endpoints.get(id) !== endpoint) return;
    if (open) delivery.update(open);
    else void this.#stopDelivery(id, delivery, endpoint === undefined);
  }

  /** The endpoint with its secrets; undefined where they cannot be opened, so that a process with the key delivers. */
  async #open(id: string, endpoint: StoredEndpoint): Promise<OpenEndpoint | undefined> {
    const { secrets, clock, onError } = this.#parts;
    const { signal } = this.#end;
    try {
      const open = { ...endpoint, secrets: await secrets.open(id, endpoint.secrets, clock.now(), signal) };
      this.#unopened.delete(id);
      return open;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (this.#unopened.get(id) !== endpoint) onError(error);
      this.#unopened.set(id, endpoint);
      return undefined;
    }
  }

  async #stopDelivery(id: string, delivery: EndpointDelivery, removed: boolean): Promise<void> {
    await delivery.stop(0);
    // State that a call under way wrote after the endpoint was removed.
    if (removed) await deleteEvents(this.#parts.store.records, id).catch(this.#parts.onError);
  }

  #onWaiting({ key, value }: RecordChange): void {
    if (!value) return;
    const [id = '', eventId = ''] = key.split('/');
    this.#deliveries.get(id)?.handIn(eventId).catch(this.#parts.onError);
  }

  async #tryToOwn(id: string, endpoint: StoredEndpoint): Promise<void> {
    const { store, clock, leaseMs, onAttempt, disable, createClient } = this.#parts;
    const row = await readState(store.records, id);
    // The endpoint is being removed.
    if (!row) return;
    const { owner } = row.value;
    if (owner !== undefined && !this.#isAbandoned(id, row.version)) return;
    const open = await this.#open(id, endpoint);
    if (!open || this.#endpoints.get(id) !== endpoint) return;
    const state = { ...row.value, owner: this.#owner };
    const stateVersion = await writeState(store.records, id, state, row.version);
    const delivery = new EndpointDelivery({
      ...this.#parts,
      id,
      endpoint: open,
      state,
      stateVersion,
      pages: this.#pages,
      client: createClient(),
      clock,
      leaseMs,
      onAttempt: (attempt, event) => onAttempt(id, attempt, event),
      disable: (reason) => disable(id, reason),
    });
    this.#seen.delete(id);
    this.#deliveries.set(id, delivery);
    void delivery.ended.then(() => this.#deliveries.delete(id));
    if (this.#endpoints.get(id) !== endpoint) await this.#apply(id);
  }

  #isAbandoned(id: string, version: number): boolean {
    const { clock, leaseMs } = this.#parts;
    const seen = this.#seen.get(id);
    if (seen?.version === version) return clock.now() - seen.since > leaseMs;
    this.#seen.set(id, { version, since: clock.now() });
    return false;
  }

  async #pause(): Promise<void> {
    const { clock, leaseMs } = this.#parts;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await sleep(Math.min(leaseMs / 5, 3_000), clock, AbortSignal.any([woken.signal, this.#end.signal]));
  }
}
