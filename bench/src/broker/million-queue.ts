import type { Claim } from '@mb/broker';
import { SqliteStore } from '@mb/broker/sqlite';

/** Destinations with mail that is due; each has as many recipients as a claim takes. */
const SITES = 200;
const BATCH = 5;
/** What is due at any size of the queue: the rest of it is in the way. */
const DUE = SITES * BATCH;
/** Claims that take all of it. */
export const CLAIMS = SITES;
/** A destination that has all the connections it may have, with mail due that cannot go out. */
const CLOGGED = 'clogged.example.net';
const RECIPIENTS_PER_MESSAGE = 10;
const ACCEPTS_IN_FLIGHT = 20;
const DAY_MS = 86_400_000;
const CONTENT = Buffer.alloc(2000, 'All work and no play. ');

/** A queue of the given number of recipients in one file: 1,000 due, and half of the others due later, half due where nothing goes. */
export class MillionQueue {
  readonly #store: SqliteStore;
  readonly #recipients: number;
  readonly #claims: Claim[] = [];

  constructor(path: string, recipients: number) {
    this.#store = new SqliteStore(path);
    this.#recipients = recipients;
  }

  /** Accepts everything as an application would: durably, some messages at a time. */
  async fill(): Promise<void> {
    const store = this.#store;
    await store.open();
    await this.#clog();
    const messages = this.#messages();
    const accept = async (): Promise<void> => {
      for (const message of messages) await store.accept(message);
    };
    await Promise.all(Array.from({ length: ACCEPTS_IN_FLIGHT }, accept));
  }

  /** One connection allowed, and taken for a day. */
  async #clog(): Promise<void> {
    await this.#store.setSite(CLOGGED, { limits: { maxConcurrency: 1, startConcurrency: 1 } });
    await this.#store.accept(messageTo([`u@${CLOGGED}`]));
    await this.#store.claim({ worker: 'stuck', max: 1, leaseMs: DAY_MS });
  }

  *#messages() {
    for (let n = 0; n < BATCH; n++) {
      for (let site = 0; site < SITES; site += RECIPIENTS_PER_MESSAGE) {
        yield messageTo(addresses((i) => `u${n}@d${site + i}.example.net`));
      }
    }
    const behind = (this.#recipients - DUE) / RECIPIENTS_PER_MESSAGE;
    for (let n = 0; n < behind; n++) {
      const later = n % 2 === 0;
      const site = (i: number) => (later ? `d${(n + i) % SITES}.example.net` : CLOGGED);
      const message = messageTo(addresses((i) => `w${n}-${i}@${site(i)}`));
      yield later ? { ...message, notBefore: Date.now() + DAY_MS + n } : message;
    }
  }

  /** Claims all that is due; returns what each claim took, in milliseconds. */
  async claimAll(): Promise<number[]> {
    // An unchecked run has not given back what it took.
    if (this.#claims.length > 0) await this.giveBack();
    const claimMs: number[] = [];
    for (let n = 0; n < SITES; n++) {
      const start = performance.now();
      const claim = await this.#store.claim({ worker: 'bench', max: BATCH, leaseMs: DAY_MS });
      claimMs.push(performance.now() - start);
      if (claim === null) throw new Error(`nothing was due after ${n} claims`);
      this.#claims.push(claim);
    }
    return claimMs;
  }

  /** Makes the queue what it was before; returns what was wrong with the claims, or undefined. */
  async giveBack(): Promise<string | undefined> {
    let problem: string | undefined;
    for (const { leaseId, site, messages } of this.#claims.splice(0)) {
      const recipients = messages.flatMap((message) => message.recipients);
      if (site === CLOGGED) problem ??= 'a destination got a connection more than it may have';
      if (recipients.length !== BATCH) problem ??= `a claim gave ${recipients.length} recipients`;
      const outcomes = recipients.map(({ recipientId }) => {
        return { recipientId, status: 'unattempted', retryAfterMs: 0 } as const;
      });
      await this.#store.settle({ leaseId, outcomes, release: true });
    }
    return problem ?? this.#miscounted();
  }

  /** Nothing may be lost or stay claimed. */
  async #miscounted(): Promise<string | undefined> {
    const { queued, inFlight } = await this.#store.stats();
    if (queued === this.#recipients && inFlight === 1) return undefined;
    return `${queued} recipients are queued and ${inFlight} claimed instead of ${this.#recipients} and 1`;
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

function addresses(addressOf: (index: number) => string): string[] {
  return Array.from({ length: RECIPIENTS_PER_MESSAGE }, (_, index) => addressOf(index));
}

function messageTo(to: readonly string[]) {
  return {
    sender: 'shop@example.com',
    recipients: to.map((address) => ({ address, domain: address.slice(address.indexOf('@') + 1) })),
    content: CONTENT,
  };
}
