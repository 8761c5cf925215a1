/** Child process that measures one row: a fresh heap, fresh type feedback, and nobody else's garbage. */
import { existsSync, readFileSync } from 'node:fs';
import { findRow } from '../rows.ts';
import { type Effort, measure } from './measure.ts';
import { type HotFrame, profileOf } from './profile.ts';
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

const order = JSON.parse(process.argv[2]!) as RowOrder;
const row = findRow(order.id);
const field = await row.field(order.scale);
// Interrupted or hung: other servers have process groups of their own, so they are ended here.
process.once('SIGTERM', () => void close().finally(() => process.exit(1)));
try {
  report(order.profile ? await profiledResult() : { kind: 'result', result: await result(field) });
} finally {
  await close();
}
// Peers may keep timers and sockets; the measurement is over.
process.disconnect?.();
process.exit();

async function close(): Promise<void> {
  for (const contender of field.contenders) await contender.close?.();
  await field.close?.();
}

function report(message: RowReport): void {
  process.send?.(message);
}

async function result(measured: Field): Promise<RowResult> {
  const series = await measure(row, measured, order.effort, (done) => report({ kind: 'round', done }));
  return judge(row, series, measured.absent ?? [], versionOf);
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
