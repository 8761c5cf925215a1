import type { QueueControl, QueueStats, SuppressionControl } from '@mb/broker';

/** The operations on a queue, opened by this process or through the API of a server. */
export interface QueueAccess {
  readonly control: Pick<
    QueueControl,
    'list' | 'show' | 'content' | 'hold' | 'release' | 'cancel' | 'retry' | 'suspend' | 'resume'
  >;
  readonly suppressions: Pick<SuppressionControl, 'list' | 'find' | 'add' | 'lift'>;
  stats(): Promise<QueueStats>;
}
