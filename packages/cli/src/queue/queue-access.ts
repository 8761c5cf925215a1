import type { QueueControl, QueueStats, SuppressionControl } from '@mb/broker';

/** What commands do with a queue, be it opened here or behind a server. */
export interface QueueAccess {
  readonly control: Pick<
    QueueControl,
    'list' | 'show' | 'content' | 'hold' | 'release' | 'cancel' | 'retry' | 'suspend' | 'resume'
  >;
  readonly suppressions: Pick<SuppressionControl, 'list' | 'find' | 'add' | 'lift'>;
  stats(): Promise<QueueStats>;
}
