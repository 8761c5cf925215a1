import assert from 'node:assert/strict';
import { BrokerError, type BrokerErrorCode } from '../../errors.ts';
import type {
  Claim,
  NewMessage,
  Outcome,
  QueueStore,
  RecipientId,
  RecipientView,
  StoreOptions,
} from '../port.ts';
import type { QueueEvent, QueueEventType } from '../queue-event.ts';

/** A store and the means to test it. */
export interface StoreUnderTest {
  /** Open and empty. */
  readonly store: Omit<QueueStore, 'accept'> & {
    accept(message: NewMessage): ReturnType<QueueStore['accept']>;
  };
  /** Moves the store's clock forward; it does not move otherwise. */
  advance(ms: number): void | Promise<void>;
  /** Damages the stored content of a message; absent for stores that keep content in memory. */
  corrupt?(messageId: string): void | Promise<void>;
  /** Closes the store and opens it again; absent for stores that do not outlive the process. */
  reopen?(): Promise<StoreUnderTest['store']>;
  /** Closes and removes everything. */
  dispose(): Promise<void>;
}

/** Makes a store for one case. */
export type OpenStore = (options?: StoreOptions) => Promise<StoreUnderTest>;

/** One rule that every store obeys. */
export interface ConformanceCase {
  readonly name: string;
  /** The optional part of {@link StoreUnderTest} without which the case cannot run. */
  readonly needs?: 'corrupt' | 'reopen';
  /** Rejects with an assertion error when the store breaks the rule. */
  run(open: OpenStore): Promise<void>;
}

/** Creates a case with one store, which is always disposed of. */
export function storeCase(
  name: string,
  body: (context: StoreUnderTest) => Promise<void>,
  options?: StoreOptions,
): ConformanceCase {
  return {
    name,
    async run(open) {
      const context = await open(options);
      try {
        await body(context);
      } finally {
        await context.dispose();
      }
    },
  };
}

/** Octets that are not text: every value, NUL and bare line ends included. */
export function octets(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 0xff);
}

/** A message to the given addresses; the domain of each is its site. */
export function draft(addresses: string | readonly string[], more: Partial<NewMessage> = {}): NewMessage {
  const list = typeof addresses === 'string' ? [addresses] : addresses;
  return {
    sender: 'sender@example.com',
    recipients: list.map((address) => ({ address, domain: address.slice(address.lastIndexOf('@') + 1) })),
    content: octets(300),
    ...more,
  };
}

export const leaseMs = 60_000;

export function claimSome(context: StoreUnderTest, max = 20, worker = 'w1'): Promise<Claim | null> {
  return context.store.claim({ worker, max, leaseMs });
}

/** Claims, and fails when there is nothing to claim. */
export async function mustClaim(context: StoreUnderTest, max = 20, worker = 'w1'): Promise<Claim> {
  const claim = await claimSome(context, max, worker);
  assert.ok(claim, 'expected something to claim');
  return claim;
}

export function claimedIds(claim: Pick<Claim, 'messages'> | null): RecipientId[] {
  return (
    claim?.messages.flatMap((message) => message.recipients.map((recipient) => recipient.recipientId)) ?? []
  );
}

export function claimedAddresses(claim: Pick<Claim, 'messages'> | null): string[] {
  return claim?.messages.flatMap((message) => message.recipients.map((recipient) => recipient.address)) ?? [];
}

/** An outcome that several recipients share. */
export type SharedOutcome = Outcome extends infer Each
  ? Each extends Outcome
    ? Omit<Each, 'recipientId'>
    : never
  : never;

/** Reports the same for everything in the claim, and releases it. */
export function settleAll(context: StoreUnderTest, claim: Claim, outcome: SharedOutcome) {
  const outcomes = claimedIds(claim).map((recipientId) => ({ ...outcome, recipientId }) as Outcome);
  return context.store.settle({ leaseId: claim.leaseId, outcomes, release: true });
}

/** Claims until nothing is due and reports the same for everything; returns the addresses in order. */
export async function drain(
  context: StoreUnderTest,
  outcome: SharedOutcome = { status: 'delivered' },
): Promise<string[]> {
  const addresses: string[] = [];
  for (let claim = await claimSome(context); claim; claim = await claimSome(context)) {
    addresses.push(...claimedAddresses(claim));
    await settleAll(context, claim, outcome);
  }
  return addresses;
}

/** The only recipient of a message. */
export async function onlyRecipient(context: StoreUnderTest, messageId: string): Promise<RecipientView> {
  const view = await context.store.inspect(messageId);
  assert.equal(view?.recipients.length, 1);
  return view.recipients[0]!;
}

/** All events so far. */
export async function allEvents(context: StoreUnderTest): Promise<QueueEvent[]> {
  const events: QueueEvent[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await context.store.events(cursor, 100);
    if (page.events.length === 0) return events;
    events.push(...page.events);
    cursor = page.cursor;
  }
}

/** Types of the events so far, optionally of one message. */
export async function eventTypes(context: StoreUnderTest, messageId?: string): Promise<QueueEventType[]> {
  const events = await allEvents(context);
  return events
    .filter((event) => messageId === undefined || event.messageId === messageId)
    .map(({ type }) => type);
}

export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

export async function rejectsWith(promise: Promise<unknown>, code: BrokerErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(BrokerError.isInstance(error), `expected a BrokerError, got ${String(error)}`);
    assert.equal(error.code, code);
    return true;
  });
}

export const minutes = (count: number) => count * 60_000;
export const hours = (count: number) => count * 3_600_000;
export const days = (count: number) => count * 86_400_000;

/** Creates a case for stores with the named means. */
export function storeCaseThatNeeds<Means extends 'corrupt' | 'reopen'>(
  needs: Means,
  name: string,
  body: (context: StoreUnderTest & Required<Pick<StoreUnderTest, Means>>) => Promise<void>,
): ConformanceCase {
  const { run } = storeCase(name, (context) => {
    assert.ok(context[needs], `the store under test must offer ${needs}()`);
    return body(context as StoreUnderTest & Required<Pick<StoreUnderTest, Means>>);
  });
  return { name, needs, run };
}
