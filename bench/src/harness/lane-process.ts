/** Child process in which one contender of a row is at work, a sample whenever the parent says so. */
import { findRow } from '../rows.ts';
import { LocalLane, type Series } from './lane.ts';
import type { Effort } from './measure.ts';
import type { Scale } from './row.ts';

/** Whom to measure, and how; travels as the only argument, as JSON. */
export interface LaneOrder {
  readonly id: string;
  readonly contender: string;
  readonly effort: Effort;
  readonly scale: Scale;
}

/** What the parent asks for. */
export type LaneCommand = 'warm-up' | 'sample';

/** The answer to each command: all samples so far. */
export type LaneReport = Omit<Series, 'contender'>;

const order = JSON.parse(process.argv[2]!) as LaneOrder;
const row = findRow(order.id);
const field = await row.field(order.scale);
const contender = field.contenders.find(({ name }) => name === order.contender)!;
const lane = new LocalLane(contender, row, field.operationsPerRun ?? 1, order.effort);

process.on('message', (command: LaneCommand) => void obey(command));
// The parent has what it wanted, or is gone.
process.once('disconnect', () => void close().finally(() => process.exit()));

async function obey(command: LaneCommand): Promise<void> {
  await (command === 'warm-up' ? lane.warmUp() : lane.sample());
  const { contender: _, ...report } = lane.series();
  process.send?.(report satisfies LaneReport);
}

async function close(): Promise<void> {
  for (const each of field.contenders) await each.close?.();
  await field.close?.();
}
