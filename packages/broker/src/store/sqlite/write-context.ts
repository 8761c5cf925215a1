import type { SiteLimits } from '../pacing.ts';
import type { Sql } from './connection.ts';
import type { EventBatch } from './event-batch.ts';
import type { FinishedRecipients } from './finished-recipients.ts';
import type { OwnSites } from './own-sites.ts';
import type { RecentMessages } from './recent-messages.ts';
import type { RecipientCounts } from './recipient-counts.ts';
import type { StatsCache } from './stats-cache.ts';

/** What every write needs: a connection in a transaction, and one time for all that it writes. */
export interface WriteContext {
  readonly sql: Sql;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Limits of sites without their own. */
  readonly limits: SiteLimits;
  readonly log: EventBatch;
  readonly finished: FinishedRecipients;
  readonly counts: RecipientCounts;
  readonly own: OwnSites;
  readonly recent: RecentMessages;
  readonly stats: StatsCache;
}
