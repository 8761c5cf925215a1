/**
 * Runs the simulation over many seeds, on all cores:
 * `pnpm --filter @mb/broker simulate --seeds 10000 [--from 1] [--store memory|sqlite]`, or one seed with its story:
 * `pnpm --filter @mb/broker simulate --seed 17`.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { SqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { addCoverage, type Coverage, coverageOf, formatCoverage } from './coverage.ts';
import { findViolations } from './invariants.ts';
import { Progress } from './progress.ts';
import { type MakeStore, memoryStore, runWorld } from './world.ts';

const makers: Readonly<Record<string, MakeStore>> = {
  memory: memoryStore,
  sqlite: ({ clock, limits }) => new SqliteStore(':memory:', { clock, limits, pollMs: 0 }),
};

/** What a worker thread says of one seed. */
interface SeedResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly steps: number;
  readonly coverage: Coverage;
}

interface Share {
  readonly from: number;
  readonly seeds: number;
  readonly stride: number;
  readonly store: string;
}

if (isMainThread) await main();
else await work(workerData as Share);

async function work({ from, seeds, stride, store }: Share): Promise<void> {
  // The stack of a simulated fault is of no use; a replay has it.
  Error.stackTraceLimit = 0;
  for (let index = 0; index < seeds; index++) {
    const seed = from + index * stride;
    const record = await runWorld(seed, makers[store]!);
    parentPort!.postMessage({
      seed,
      violations: await findViolations(record),
      steps: record.steps,
      coverage: await coverageOf(record),
    } satisfies SeedResult);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(2).filter((argument) => argument !== '--'),
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      store: { type: 'string', default: 'memory' },
    },
  });
  if (!Object.hasOwn(makers, values.store))
    throw new Error(`--store is one of: ${Object.keys(makers).join(', ')}.`);
  if (values.seed !== undefined)
    await tell(/^\d+$/.test(values.seed) ? Number(values.seed) : values.seed, values.store);
  else await runMany(Number(values.from), Number(values.seeds), values.store);
}

/** One run with its story. */
async function tell(seed: number | string, store: string): Promise<void> {
  const record = await runWorld(seed, makers[store]!);
  const violations = await findViolations(record);
  console.log(record.trace.join('\n'));
  console.log(violations.length === 0 ? 'All invariants hold.' : violations.join('\n'));
  process.exitCode = violations.length === 0 ? 0 : 1;
}

async function runMany(from: number, seeds: number, store: string): Promise<void> {
  const progress = new Progress(seeds);
  const coverage: Coverage = new Map();
  const stride = Math.min(availableParallelism(), seeds);
  let done = 0;
  let failed = 0;
  let steps = 0;
  const onResult = (result: SeedResult) => {
    done++;
    steps += result.steps;
    addCoverage(coverage, result.coverage);
    if (result.violations.length > 0) {
      failed++;
      progress.clear();
      console.log(`seed ${result.seed}: ${result.violations.join('; ')}`);
      console.log(`  replay: pnpm --filter @mb/broker simulate --seed ${result.seed} --store ${store}`);
    }
    progress.show(done, failed);
  };
  const shares = Array.from({ length: stride }, (_, index): Share => {
    return { from: from + index, seeds: Math.ceil((seeds - index) / stride), stride, store };
  });
  await Promise.all(
    shares.map(
      (share) =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: share });
          worker.on('message', onResult);
          worker.on('error', reject);
          worker.on('exit', () => resolve());
        }),
    ),
  );
  progress.clear();
  const { user, system } = process.cpuUsage();
  const cpuMs = (user + system) / 1000 / Math.max(1, done);
  console.log(formatCoverage(coverage));
  console.log(
    `${done - failed} passed, ${failed} failed: ${done} seeds, ${steps.toLocaleString('en')} steps in ` +
      `${progress.seconds.toFixed(1)} s on ${stride} cores, ${cpuMs.toFixed(1)} ms of processor time a seed`,
  );
  process.exitCode = failed === 0 && done === seeds ? 0 : 1;
}
