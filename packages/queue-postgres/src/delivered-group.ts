import { BrokerError, detailText, type RecipientId, type Settlement } from '@mb/broker/store';
import { Batcher } from './batcher.ts';
import type { Database } from './database.ts';
import { recipientRowId } from './recipient-rows.ts';
import { leaseNumber, settle } from './settle-rows.ts';
import { callFunction, type StoreContext } from './statement.ts';

/** Settlements that one transaction writes down, so that none holds the rows of many sites for long. */
const mostSettlements = 32;
/** What the function says when a settlement is not as it looked. */
const oneByOne = 'MB001';

/** A settlement by which all was delivered. */
interface Delivered {
  readonly settlement: Settlement;
  readonly rowIds: readonly string[];
}

interface Waiting extends Delivered {
  readonly resolve: (refused: RecipientId[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes down settlements by which all was delivered, nearly all there are: those that come at the same time go
 * together, in one transaction with one commit.
 *
 * When one of them is not as it says (its lease ran out meanwhile), nothing is written, and each is settled by itself,
 * so that it harms none of the others.
 */
export class DeliveredGroup {
  readonly #db: Database;
  readonly #context: () => StoreContext;
  readonly #batcher = new Batcher<Waiting>(mostSettlements, (group) => this.#send(group));

  constructor(db: Database, context: () => StoreContext) {
    this.#db = db;
    this.#context = context;
  }

  /** Resolves to the recipients whose outcome was refused; undefined when the settlement is of another kind. */
  settle(settlement: Settlement): Promise<RecipientId[]> | undefined {
    const rowIds = deliveredRows(settlement);
    if (!rowIds) return undefined;
    return new Promise((resolve, reject) => this.#batcher.add({ settlement, rowIds, resolve, reject }));
  }

  async #send(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#write(group);
      for (const { resolve } of group) resolve([]);
    } catch (error) {
      if (harmsAll(error)) for (const { reject } of group) reject(error);
      else await Promise.all(group.map((one) => this.#sendAlone(one)));
    }
  }

  async #sendAlone({ settlement, resolve, reject }: Waiting): Promise<void> {
    await settle(this.#db, this.#context(), settlement).then(resolve, reject);
  }

  async #write(group: readonly Delivered[]): Promise<void> {
    const { schema, limits, log, now } = this.#context();
    const settlements = group.map(({ settlement }) => settlement);
    await callFunction(this.#db, schema, 'settle_delivered_v1', [
      settlements.map(({ leaseId }) => leaseNumber(leaseId)),
      settlements.map(({ release }) => release),
      settlements.map(({ feedback }) => (feedback ? JSON.stringify(feedback) : null)),
      group.flatMap(({ rowIds }, i) => rowIds.map(() => i + 1)),
      group.flatMap(({ rowIds }) => rowIds),
      settlements.flatMap(({ outcomes }) => outcomes.map(({ detail }) => detailText(detail))),
      limits,
      log,
      now,
    ]);
  }
}

/** The rows of the recipients; undefined unless all of them were delivered, each once. */
function deliveredRows({ outcomes, learned }: Settlement): string[] | undefined {
  if (learned) return undefined;
  const rowIds: string[] = [];
  for (const { status, recipientId } of outcomes) {
    const id = status === 'delivered' ? recipientRowId(recipientId) : undefined;
    if (id === undefined) return undefined;
    rowIds.push(id);
  }
  return new Set(rowIds).size === rowIds.length ? rowIds : undefined;
}

/** Whether it is the database's trouble, rather than that of one of the settlements. */
function harmsAll(error: unknown): boolean {
  if (!BrokerError.isInstance(error) || !error.retryable) return false;
  return (error.cause as { code?: unknown } | undefined)?.code !== oneByOne;
}
