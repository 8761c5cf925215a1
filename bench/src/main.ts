/** Runs the rows asked for, one after the other, each in a process of its own, and reports. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import ora from 'ora';
import { writeCharts } from './harness/chart.ts';
import type { Effort } from './harness/lane.ts';
import { type KeptResult, keepResults, thisMachine } from './harness/results.ts';
import type { Row, Scale } from './harness/row.ts';
import { runRow } from './harness/run-row.ts';
import { formatRow, formatSmoke, formatSummary, isBroken } from './harness/table.ts';
import type { RowResult } from './harness/verdict.ts';
import { rows } from './rows.ts';

const USAGE = `pnpm bench [--only ROW…] [--full] [--rounds N] [--json [FILE]] [--chart] [--smoke] [--list]

  --only ROW    rows whose id begins with ROW (mime, mime/compose, …); repeatable
  --full        more rounds, and the rows that take minutes (else they run only when named in full)
  --rounds N    measured rounds per row (default 7, with --full 15)
  --json [FILE] results as JSON on standard output, or in FILE as well as the tables
  --chart       keep the results in bench/results.json and draw packages/<name>/bench.svg from it
  --smoke       one round of small inputs without servers: is every contender alive and right?
  --profile     run our contender alone and print the functions that take its time
  --list        ids, titles and goals`;

const QUICK: Effort = { rounds: 7, sampleMs: 40, warmUpMs: 250 };
const FULL: Effort = { rounds: 15, sampleMs: 100, warmUpMs: 500 };
const SMOKE: Effort = { rounds: 1, sampleMs: 0, warmUpMs: 0 };

const { values: flags, positionals } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    full: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
    chart: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
  allowPositionals: true,
});

if (flags.help) {
  console.log(USAGE);
} else if (flags.list) {
  for (const row of rows)
    console.log(`${row.id.padEnd(28)} ${row.title}${row.heavy ? ' (only with --full)' : ''}`);
} else {
  process.exitCode = await run();
}

/** Exit code: 1 when a row is broken, 2 when no row matches. A missed goal is a result, not an error. */
async function run(): Promise<number> {
  const scale: Scale = { smoke: flags.smoke, full: flags.full };
  const selected = rows.filter((row) => isSelected(row, scale));
  if (selected.length === 0) {
    console.error('No row matches. `--list` shows them all.');
    return 2;
  }
  if (flags.profile) {
    for (const row of selected) await profile(row, scale);
    return 0;
  }
  const toStandardOutput = flags.json && positionals.length === 0;
  const ids = rows.map(({ id }) => id);
  const results: RowResult[] = [];
  let kept: readonly KeptResult[] = [];
  for (const row of selected) {
    const result = await runWithProgress(row, scale);
    results.push(result);
    // After each row, so that an interrupted run keeps what it has.
    if (flags.chart) kept = keepResults([result], ids);
    if (!toStandardOutput) console.log(flags.smoke ? formatSmoke(result) : formatRow(result));
  }
  if (flags.json) writeJson(results);
  if (flags.chart) for (const file of await writeCharts(kept)) console.error(`wrote ${file}`);
  if (!toStandardOutput && !flags.smoke) console.log(formatSummary(results));
  return results.some(isBroken) ? 1 : 0;
}

function isSelected(row: Row, scale: Scale): boolean {
  if (scale.smoke && row.needsServers) return false;
  if (row.heavy && !scale.full && !scale.smoke && !flags.only.includes(row.id)) return false;
  return flags.only.length === 0 || flags.only.some((prefix) => isNamed(row.id, prefix));
}

/** Prints where our contender spends its time in a row. */
async function profile(row: Row, scale: Scale): Promise<void> {
  const order = { id: row.id, effort: effortOf(row, scale), scale, profile: true };
  const { result, frames = [] } = await runRow(row, order, () => {});
  console.log(`\n${result.failure ?? row.id}`);
  for (const { share, selfMs, name, location } of frames.slice(0, 25)) {
    console.log(
      `${(share * 100).toFixed(1).padStart(6)} % ${selfMs.toFixed(0).padStart(6)} ms  ${name}  ${location}`,
    );
  }
}

/** A whole id means that row alone; anything shorter means all rows that begin so. */
function isNamed(id: string, prefix: string): boolean {
  return rows.some((row) => row.id === prefix) ? id === prefix : id.startsWith(prefix);
}

async function runWithProgress(row: Row, scale: Scale): Promise<RowResult> {
  const effort = effortOf(row, scale);
  const spinner = ora({ text: `${row.id}: warming up`, isSilent: !process.stderr.isTTY }).start();
  try {
    const { result } = await runRow(row, { id: row.id, effort, scale }, (done) => {
      spinner.text = `${row.id}: round ${Math.min(done + 1, effort.rounds)} of ${effort.rounds}`;
    });
    return result;
  } finally {
    spinner.stop();
  }
}

function effortOf(row: Row, scale: Scale): Effort {
  const effort = scale.smoke ? SMOKE : scale.full ? FULL : QUICK;
  if (flags.rounds === undefined) {
    const { minRounds = 1, maxRounds = Number.POSITIVE_INFINITY } = row;
    const rounds = flags.smoke ? effort.rounds : Math.max(effort.rounds, minRounds);
    return { ...effort, rounds: Math.min(rounds, maxRounds) };
  }
  const rounds = Number(flags.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error('--rounds takes a whole number of at least 1.');
  return { ...effort, rounds };
}

function writeJson(results: readonly RowResult[]): void {
  const report = { date: new Date().toISOString(), machine: thisMachine(), rows: results };
  const text = `${JSON.stringify(report, null, 2)}\n`;
  const [file] = positionals;
  if (file === undefined) process.stdout.write(text);
  else writeFileSync(file, text);
}
