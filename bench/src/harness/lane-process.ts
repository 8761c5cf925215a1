/** Child process in which one contender of a row is at work, a sample whenever the parent says so. */
import { findRow } from '../rows.ts';
import { closeField } from './close-field.ts';
import { type Effort, LocalLane, type Series } from './lane.ts';
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

/** All samples so far: the first report says that the process is ready, the others answer a command each. */
export type LaneReport = Omit<Series, 'contender'>;

const order = JSON.parse(process.argv[2]!) as LaneOrder;
const row = findRow(order.id);
const field = await row.field(order.scale);
const contender = field.contenders.find(({ name }) => name === order.contender);
if (contender === undefined) throw new Error(`${order.id} has no contender "${order.contender}".`);
const lane = new LocalLane(contender, row, field.operationsPerRun ?? 1, order.effort);

process.on('message', (command: LaneCommand) => void obey(command));
// The parent has what it wanted, or is gone.
process.once('disconnect', () => void closeField(field).finally(() => process.exit()));
report();

async function obey(command: LaneCommand): Promise<void> {
  await (command === 'warm-up' ? lane.warmUp() : lane.sample());
  report();
}

function report(): void {
  const { contender: _, ...samples } = lane.series();
  process.send?.(samples satisfies LaneReport);
}
