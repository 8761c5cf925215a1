import { BrokerError, detailText, type RecipientId, type Settlement } from '@mb/broker/store';
import { Batcher } from './batcher.ts';
import type { Database } from './database.ts';
import { recipientRowId } from './recipient-rows.ts';
import { leaseNumber, settle } from './settle-rows.ts';
import { callFunction, type StoreContext } from './statement.ts';

/** Maximum number of settlements in one transaction, so that it does not lock the rows of many sites for long. */
const mostSettlements = 32;
/** SQLSTATE with which the function refuses a group, because one of its settlements needs the general way. */
const oneByOne = 'MB001';

/** A settlement in which all recipients were delivered. */
interface Delivered {
  readonly settlement: Settlement;
  readonly rowIds: readonly string[];
}

interface Waiting extends Delivered {
  readonly resolve: (refused: RecipientId[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes settlements in which all recipients were delivered, as in nearly all. Those that come at the same time share
 * one transaction and its commit.
 *
 * When one of them cannot be written this way (its lease has run out meanwhile), nothing is written, and each is
 * settled by itself, so that it does not affect the others.
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

/** The row ids of the recipients; undefined unless all of them were delivered, each once. */
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

/** Whether the error concerns the database, rather than one of the settlements. */
function harmsAll(error: unknown): boolean {
  if (!BrokerError.isInstance(error) || !error.retryable) return false;
  return (error.cause as { code?: unknown } | undefined)?.code !== oneByOne;
}
