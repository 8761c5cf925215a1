/** Child process that measures one row: a fresh heap, fresh type feedback, and nobody else's garbage. */
import { existsSync, readFileSync } from 'node:fs';
import { findRow } from '../rows.ts';
import { type Effort, measure } from './measure.ts';
import type { Contender, Scale } from './row.ts';
import { judge, type RowResult } from './verdict.ts';

/** What the parent asks for; travels as the only argument, as JSON. */
export interface RowOrder {
  readonly id: string;
  readonly effort: Effort;
  readonly scale: Scale;
  /** Only our contender, and no checks, for a profile. */
  readonly oursOnly?: boolean;
}

/** What the child reports over IPC. */
export type RowReport =
  | { readonly kind: 'round'; readonly done: number }
  | { readonly kind: 'result'; readonly result: RowResult };

const order = JSON.parse(process.argv[2]!) as RowOrder;
const row = findRow(order.id);
const field = await row.field(order.scale);
try {
  const contenders = order.oursOnly ? oursUnchecked(field.contenders) : field.contenders;
  const series = await measure(row, { ...field, contenders }, order.effort, (done) =>
    report({ kind: 'round', done }),
  );
  report({ kind: 'result', result: judge(row, series, field.absent ?? [], versionOf) });
} finally {
  for (const contender of field.contenders) await contender.close?.();
  await field.close?.();
}
// Peers may keep timers and sockets; the measurement is over.
process.disconnect?.();
process.exit();

function report(message: RowReport): void {
  process.send?.(message);
}

/** Checks use peers, whose functions have no place in a profile of ours. */
function oursUnchecked(contenders: readonly Contender[]): Contender[] {
  return contenders
    .filter(({ role }) => role === 'ours')
    .map((ours) => ({ ...ours, check: () => undefined }));
}

/** Version of a peer as installed for this package. */
function versionOf(packageName: string): string | undefined {
  const manifest = new URL(`../../node_modules/${packageName}/package.json`, import.meta.url);
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
