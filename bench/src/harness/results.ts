import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import type { RowResult } from './verdict.ts';

/** A row's result with where and when it was measured. */
export interface KeptResult extends RowResult {
  readonly date: string;
  readonly machine: Machine;
}

/** What figures depend on. */
export interface Machine {
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  /** Load average of the last minute when the run ended: over `cores`, others were working too. */
  readonly loadAverage: number;
}

const RESULTS = new URL('../../results.json', import.meta.url);

/** The machine at this moment. */
export function thisMachine(): Machine {
  return {
    node: process.version,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    loadAverage: Math.round((os.loadavg()[0] ?? 0) * 10) / 10,
  };
}

/** Replaces the kept results of the rows that ran, and gives all that are kept, in the order of `ids`. */
export function keepResults(results: readonly RowResult[], ids: readonly string[]): KeptResult[] {
  const kept = new Map(readKept().map((result) => [result.id, result]));
  const stamp = { date: new Date().toISOString(), machine: thisMachine() };
  for (const result of results)
    if (result.failure === undefined) kept.set(result.id, { ...result, ...stamp });
  const all = ids.flatMap((id) => kept.get(id) ?? []);
  writeFileSync(RESULTS, `${JSON.stringify(all, null, 1)}\n`);
  return all;
}

function readKept(): KeptResult[] {
  return existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as KeptResult[]) : [];
}
