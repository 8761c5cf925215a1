import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { createSeededRandom } from '@mb/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';

/** Kills; `MB_CRASH_ROUNDS=300` for a long run. */
const rounds = Number(process.env.MB_CRASH_ROUNDS ?? 20);
const slots = 4;
const script = fileURLToPath(new URL('./crash-worker.ts', import.meta.url));
const { integer } = createSeededRandom(Number(process.env.MB_CRASH_SEED ?? Date.now()));

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mb-crash-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** Runs a process until it dies or `enough` says so; returns the lines that it said. */
async function live(
  path: string,
  runId: string,
  accepts: number,
  enough: (lines: string[]) => boolean,
  killMs?: number,
) {
  const child = spawn(
    process.execPath,
    ['--conditions=@mb/source', script, path, runId, `${accepts}`, `${slots}`],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  let said = '';
  let complaints = '';
  let timer: NodeJS.Timeout | undefined;
  child.stderr.on('data', (data) => {
    complaints += data;
  });
  child.stdout.on('data', (data) => {
    said += data;
    if (said.includes('R\n'))
      timer ??= killMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killMs);
  });
  // Not when something was said: what the last line speaks of may be committed only after it.
  const watch = setInterval(() => {
    if (enough(said.split('\n'))) child.kill('SIGKILL');
  }, 50);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...how) => resolve(how));
  });
  clearTimeout(timer);
  clearInterval(watch);
  expect([code, signal, complaints]).toEqual([null, 'SIGKILL', '']);
  // The last line may be cut off by the kill; what it says was not heard.
  return said.split('\n').slice(0, -1);
}

it('Q-26 Q-59 Q-28 loses nothing accepted and repeats only the commit window, however often it is killed', async () => {
  const path = join(directory, 'queue.db');
  const lines: string[] = [];
  for (let round = 0; round < rounds; round++) {
    lines.push(...(await live(path, `run${round}`, 1_000_000, () => false, integer(1, 250))));
  }
  const accepted = new Map<string, { recipients: number; digest: string }>();
  for (const line of lines) {
    const [kind, id, recipients, digest] = line.split(' ');
    if (kind === 'A') accepted.set(id!, { recipients: Number(recipients), digest: digest! });
  }
  expect(accepted.size).toBeGreaterThan(rounds);
  const missing = () => {
    const db = new DatabaseSync(path);
    const { n } = db.prepare('SELECT count(*) AS n FROM mb_recipient WHERE finished IS NULL').get() as {
      n: number;
    };
    db.close();
    return n;
  };
  // One last process only delivers, until nothing waits.
  lines.push(...(await live(path, 'last', 0, () => missing() === 0)));

  const deliveries = new Map<string, string[]>();
  for (const line of lines) {
    const [kind, id, digest] = line.split(' ');
    if (kind === 'D') deliveries.set(id!, [...(deliveries.get(id!) ?? []), digest!]);
  }
  for (const [messageId, { recipients, digest }] of accepted) {
    for (let n = 0; n < recipients; n++) {
      const seen = deliveries.get(`${messageId}.${n}`) ?? [];
      expect(seen.length, `recipient ${messageId}.${n}`).toBeGreaterThanOrEqual(1);
      expect(new Set(seen)).toEqual(new Set([digest]));
    }
  }
  const repeated = [...deliveries.values()].reduce((sum, seen) => sum + seen.length - 1, 0);
  // One transaction of at most four recipients a slot and kill, and the final kill, which nothing repeats.
  expect(repeated).toBeLessThanOrEqual(rounds * slots * 4);

  const db = new DatabaseSync(path);
  expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  const halves = db.prepare(
    `SELECT count(*) AS n FROM mb_message m WHERE staged = 0 AND open <>
       (SELECT count(*) FROM mb_recipient r WHERE r.id / 65536 = m.id AND r.finished IS NULL)`,
  );
  expect(halves.get()).toEqual({ n: 0 });
  const states = db.prepare('SELECT DISTINCT state FROM mb_recipient').all();
  expect(states).toEqual([{ state: 4 }]);
  db.close();
  console.log(
    `${rounds} kills, ${accepted.size} messages accepted, ${deliveries.size} recipients delivered, ${repeated} repeated`,
  );
}, 600_000);
