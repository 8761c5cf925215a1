import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { peakContender } from '../harness/peak.ts';
import { type QuantileMetric, quantile } from '../harness/quantile.ts';
import type { Contender, Field, Role, ToldOutput } from '../harness/row.ts';
import { CLAIMS, MillionQueue } from './million-queue.ts';

/** Claims from queues of several sizes, most of which is in the way; the smallest is the limit. */
export async function claimField(
  metric: QuantileMetric,
  sizes: readonly [most: number, ...others: number[]],
): Promise<Field> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-million-'));
  const contenders: Contender[] = [];
  for (const size of sizes) {
    const queue = new MillionQueue(path.join(folder, `${size}.db`), size);
    await queue.fill();
    contenders.push({
      name: nameOf(size),
      role: roleOf(size, sizes[0]),
      run: async () => ({ told: quantile(await queue.claimAll(), metric) * 1000 }) satisfies ToldOutput,
      check: () => queue.giveBack(),
      close: () => queue.close(),
    });
  }
  return {
    contenders,
    operationsPerRun: CLAIMS,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Peak memory of a process that fills a queue and claims from it. */
export function millionPeakField(sizes: readonly [most: number, ...others: number[]]): Field {
  const module = new URL('./million-tasks.ts', import.meta.url).href;
  const contenders = sizes.map((size) => {
    const task = { module, task: 'fillAndClaim', argument: size };
    return peakContender(
      nameOf(size),
      roleOf(size, sizes[0]),
      task,
      (problem) => problem as string | undefined,
    );
  });
  return { contenders };
}

function nameOf(size: number): string {
  return `${size.toLocaleString('en')} queued`;
}

function roleOf(size: number, most: number): Role {
  return size === most ? 'ours' : 'limit';
}
