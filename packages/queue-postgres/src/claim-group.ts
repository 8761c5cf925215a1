import { type ClaimRequest, inlineContentBytes, siteSpeeds } from '@mb/broker/store';
import { Batcher } from './batcher.ts';
import type { ClaimedRow } from './claimed-rows.ts';
import type { Database } from './database.ts';
import type { ScanFloor } from './scan-floor.ts';
import { callFunction, type StoreContext } from './statement.ts';

/** Maximum number of claims in one transaction, which locks their sites until its end. */
export const mostClaims = 4;
/** A slow writer may set a site's `ready` this far below what others have seen meanwhile, in microseconds. */
const siteOverlapUs = 5_000_000;

interface Waiting {
  readonly request: ClaimRequest;
  readonly resolve: (rows: readonly ClaimedRow[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Makes the claims that are requested at the same time in one transaction. */
export class ClaimGroup {
  readonly #db: Database;
  readonly #context: () => StoreContext;
  readonly #floor: ScanFloor;
  readonly #batcher = new Batcher<Waiting>(mostClaims, (group) => this.#send(group));

  constructor(db: Database, context: () => StoreContext, floor: ScanFloor) {
    this.#db = db;
    this.#context = context;
    this.#floor = floor;
  }

  /** The rows of the claim; none when nothing is due. */
  claim(request: ClaimRequest): Promise<readonly ClaimedRow[]> {
    return new Promise((resolve, reject) => this.#batcher.add({ request, resolve, reject }));
  }

  async #send(group: readonly Waiting[]): Promise<void> {
    try {
      const claims: ClaimedRow[][] = group.map(() => []);
      const from = this.#floor.next();
      const rows = await this.#claim(
        group.map(({ request }) => request),
        from,
      );
      for (const row of rows) claims[row.claim_of]!.push(row);
      const [first] = rows;
      if (first) this.#floor.saw(from, Number(first.claim_from) - siteOverlapUs);
      for (const [i, { resolve }] of group.entries()) resolve(claims[i]!);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  #claim(requests: readonly ClaimRequest[], from: number): Promise<ClaimedRow[]> {
    const { schema, limits, log, now } = this.#context();
    return callFunction<ClaimedRow>(this.#db, schema, 'claim_v1', [
      requests.map(({ worker }) => worker),
      requests.map(({ max }) => max),
      requests.map(({ leaseMs }) => leaseMs),
      requests.map(({ slowest = 'slow' }) => siteSpeeds.indexOf(slowest)),
      from,
      inlineContentBytes,
      limits,
      log,
      now,
    ]);
  }
}
