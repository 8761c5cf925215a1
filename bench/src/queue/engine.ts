import type { Role } from '../harness/row.ts';

/** Connections that a destination takes at a time, in every row. */
export const CAP = 2;
/** Messages that one claim takes at most. */
export const BATCH = 20;

/** What a worker took: messages that it has to itself until it settles them. */
export interface Batch {
  /** The addresses of its messages, each of which is in the queue once. */
  readonly addresses: readonly string[];
  /** The destinations whose caps it counts against, once for each connection. */
  readonly connections: readonly string[];
  /** Writes down durably that all of it was delivered. */
  settle(): Promise<void>;
}

/** A queue in PostgreSQL, with what the rows need of it. */
export interface Engine {
  readonly name: string;
  readonly role: Role;
  /** npm package whose version is shown. */
  readonly package?: string;
  /** Puts a message to each address into the queue, ready to be claimed. */
  fill(addresses: readonly string[]): Promise<void>;
  /** Takes what is due, of one destination or of several; null when there is nothing now. */
  claim(worker: string): Promise<Batch | null>;
  /** Makes one destination that has all the connections it may have, and this many messages that wait for it. */
  clog(rows: number): Promise<void>;
  /** Octets that its tables, their indices and large values take. */
  bytes(): Promise<number>;
  /** Deletes all that is done. */
  purge?(): Promise<void>;
  close(): Promise<void>;
}

/** The destination of {@link Engine.clog}. */
export const CLOGGED = 'clogged.example.net';

/** The domain of an address. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
