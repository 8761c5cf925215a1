import type { SiteLimits } from '../pacing.ts';
import type { Sql } from './connection.ts';
import type { SqliteEventLog } from './event-log.ts';
import type { RecentMessages } from './recent-messages.ts';

/** What every write works with: a connection in a transaction, and one moment for all that it writes. */
export interface Turn {
  readonly sql: Sql;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Limits of sites without their own. */
  readonly limits: SiteLimits;
  readonly log: SqliteEventLog;
  readonly recent: RecentMessages;
}
