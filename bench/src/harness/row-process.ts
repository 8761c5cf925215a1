/** Child process that measures one row: a fresh heap, type feedback of this task only. */
import { existsSync, readFileSync } from 'node:fs';
import { findRow } from '../rows.ts';
import { closeField } from './close-field.ts';
import { type Effort, type Lane, LocalLane } from './lane.ts';
import { measure } from './measure.ts';
import { type HotFrame, profiledShare, profileOf } from './profile.ts';
import { RemoteLane } from './remote-lane.ts';
import type { Field, Scale } from './row.ts';
import { judge, type RowResult } from './verdict.ts';

/** What the parent asks for; travels as the only argument, as JSON. */
export interface RowOrder {
  readonly id: string;
  readonly effort: Effort;
  readonly scale: Scale;
  /** A profile of our contender alone instead of a comparison. */
  readonly profile?: boolean;
}

/** What the child reports over IPC. */
export type RowReport =
  | { readonly kind: 'round'; readonly done: number }
  | { readonly kind: 'result'; readonly result: RowResult; readonly frames?: readonly HotFrame[] };

/** Runs of our contender under the profiler, for goals about shares. */
const profiledRuns = 200;

const order = JSON.parse(process.argv[2]!) as RowOrder;
const row = findRow(order.id);
const field = await row.field(order.scale);
const remote: RemoteLane[] = [];
// Interrupted or hung: other servers have process groups of their own, so they are ended here.
process.once('SIGTERM', () => void close().finally(() => process.exit(1)));
try {
  report(order.profile ? await profiledResult() : { kind: 'result', result: await comparison() });
} finally {
  await close();
}
// Peers may keep timers and sockets; the measurement is over.
process.disconnect?.();
process.exit();

async function close(): Promise<void> {
  await Promise.all(remote.map((lane) => lane.close()));
  await closeField(field);
}

function report(message: RowReport): void {
  process.send?.(message);
}

function comparison(): Promise<RowResult> {
  if (!row.apart || order.scale.smoke) return result(field);
  // This process only says whose turn it is.
  for (const contender of field.contenders) remote.push(new RemoteLane(contender, order));
  return judged(remote, field);
}

function result(measured: Field): Promise<RowResult> {
  const operations = measured.operationsPerRun ?? 1;
  const lanes = measured.contenders.map((each) => new LocalLane(each, row, operations, order.effort));
  return judged(lanes, measured);
}

async function judged(lanes: readonly Lane[], measured: Field): Promise<RowResult> {
  const { absent = [] } = measured;
  const series = await measure(lanes, order.effort.rounds, (done) => report({ kind: 'round', done }));
  const shares = order.scale.smoke || order.profile ? new Map() : await profiledShares(measured);
  return judge(row, series, { absent, shares, versionOf });
}

/** The shares of our contender's time that the row has goals for, over this many further runs. */
async function profiledShares({ contenders }: Field): Promise<Map<string, number>> {
  const shares = new Map<string, number>();
  const ours = contenders.find(({ role }) => role === 'ours');
  for (const goal of row.goals) {
    if (goal.kind !== 'profile' || ours === undefined) continue;
    const runs = async () => {
      for (let run = 0; run < profiledRuns; run++) await ours.run();
    };
    // Also where the samples before left the contender switched off.
    await ours.prepare?.();
    await ours.run();
    shares.set(goal.below, await profiledShare(runs, goal.below));
  }
  return shares;
}

/** Ours alone and without checks, since these use peers; a first run lets the compiler settle. */
async function profiledResult(): Promise<RowReport> {
  const ours = field.contenders.filter(({ role }) => role === 'ours');
  const alone: Field = { ...field, contenders: ours.map((each) => ({ ...each, check: () => undefined })) };
  const first = await result(alone);
  return { kind: 'result', result: first, frames: await profileOf(() => result(alone)) };
}

/** Version of a peer as installed for this package. */
function versionOf(packageName: string): string | undefined {
  const manifest = new URL(`../../node_modules/${packageName}/package.json`, import.meta.url);
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
