import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { SqliteStore } from '@mb/broker/sqlite';
import { createSeededRandom } from '@mb/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { contentAt, type Disk, type LoggedCall, readWriteLog, writeCrashImage } from '../lab/crash-image.ts';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { mustRun } from '../lab/process.ts';
import { tagOfContent } from './marked-content.ts';

/** Power cuts. */
const cuts = Number(process.env.MB_POWER_CUTS ?? 200);
const seed = process.env.MB_POWER_CUT_SEED ?? String(Date.now());
const messages = 160;
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** What the process had acknowledged to its callers at the power cut. */
interface Acknowledged {
  /** Tag of each accepted message, and its number of recipients. */
  readonly accepted: ReadonlyMap<string, number>;
  readonly delivered: ReadonlySet<string>;
}

// No retries: a message that was lost once is a failure, even if a second try loses none.
describe('power cuts', { retry: 0 }, () => {
  const folder = makeFolder('power-cut');
  let calls: LoggedCall[];

  beforeAll(async () => {
    await ensureDebianPackages(['gcc', 'libc6-dev']);
    const library = join(folder, 'write_log.so');
    const compile = ['-O1', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', library];
    await mustRun('cc', [...compile, here('../lab/write_log.c'), '-ldl']);
    const queue = join(folder, 'queue');
    mkdirSync(queue, { mode: 0o700 });
    const log = join(folder, 'log');
    const worker = ['--conditions=@mb/source', here('power-cut-worker.ts'), queue, `${messages}`];
    await mustRun(process.execPath, worker, {
      timeoutMs: 120_000,
      env: { LD_PRELOAD: library, MB_WRITE_LOG: log, MB_WRITE_LOG_FOLDER: queue, NODE_OPTIONS: '' },
    });
    calls = readWriteLog(log);
  }, 300_000);

  it('logs what the process writes and syncs', () => {
    const count = (operation: string) => calls.filter((call) => call.operation === operation).length;
    const { accepted, delivered } = acknowledgedAt(calls, calls.length);
    expect(accepted.size).toBe(messages);
    expect(delivered.size).toBeGreaterThan(20);
    // Four messages share a commit, which is one sync at least; checkpoints add theirs.
    expect(count('s')).toBeGreaterThan(messages / 4);
    expect(count('w')).toBeGreaterThan(messages);
    // After a normal close, replaying the whole log gives the file.
    const written = contentAt(calls, calls.length, 'queue.db');
    expect(written.subarray(0, 15).toString()).toBe('SQLite format 3');
  });

  it(`Q-16 Q-56 Q-55 lose nothing that was acknowledged: ${cuts} images (seed ${seed})`, {
    timeout: 300_000,
  }, async () => {
    const random = createSeededRandom(`${seed}/obeys`);
    let claimed = 0;
    for (let cut = 0; cut < cuts; cut++) {
      const { problems, ...judged } = await judge(random.fork(String(cut)), { obeysSync: true });
      expect(problems, `seed ${seed}, cut ${cut}`).toEqual([]);
      claimed += judged.claimed;
    }
    expect(claimed).toBeGreaterThan(cuts);
    console.log(`${cuts} power cuts among ${calls.length} calls; ${claimed} recipients claimed afterwards`);
  });

  it('lose messages on a disk that ignores syncs, which shows that this test can detect a loss', {
    timeout: 300_000,
  }, async () => {
    const random = createSeededRandom(`${seed}/lies`);
    let lossy = 0;
    for (let cut = 0; cut < 20; cut++) {
      const { problems } = await judge(random.fork(String(cut)), { obeysSync: false });
      if (problems.length > 0) lossy++;
    }
    expect(lossy).toBeGreaterThan(5);
  });

  /** Makes one image, opens it as the next process would, and returns the problems found. */
  async function judge(random: ReturnType<typeof createSeededRandom>, disk: Disk) {
    const image = join(folder, 'image');
    rmSync(image, { recursive: true, force: true });
    mkdirSync(image, { mode: 0o700 });
    const count = random.integer(1, calls.length);
    writeCrashImage(calls, count, image, disk, random);
    const acknowledged = acknowledgedAt(calls, count);
    const problems: string[] = [];
    let claimed = 0;
    try {
      claimed = await readImage(join(image, 'queue.db'), acknowledged, problems);
    } catch (error) {
      problems.push(`it cannot be opened: ${error}`);
    }
    return { problems, claimed };
  }
});

/** Reads the marks that the process wrote in its first `count` calls. */
function acknowledgedAt(calls: readonly LoggedCall[], count: number): Acknowledged {
  const accepted = new Map<string, number>();
  const delivered = new Set<string>();
  for (const line of contentAt(calls, count, 'marks').toString().split('\n')) {
    const [kind, name = '', , recipients] = line.split(' ');
    if (kind === 'A') accepted.set(name, Number(recipients));
    if (kind === 'D') delivered.add(name);
  }
  return { accepted, delivered };
}

/** Opens a queue file after a power cut, compares it with what was acknowledged, and claims all that it holds. */
async function readImage(
  path: string,
  { accepted, delivered }: Acknowledged,
  problems: string[],
): Promise<number> {
  // An hour later: the dead process's leases have run out.
  const later = Date.now() + 3_600_000;
  const store = new SqliteStore(path, { pollMs: 0, clock: { now: () => later } });
  await store.open();
  try {
    const db = new DatabaseSync(path);
    const check = db.prepare('PRAGMA quick_check').all();
    if (JSON.stringify(check) !== '[{"quick_check":"ok"}]')
      problems.push(`damaged: ${JSON.stringify(check)}`);
    const rows = db
      .prepare(
        `SELECT m.tag, count(DISTINCT m.id) AS messages, count(r.id) AS recipients FROM mb_message m
           LEFT JOIN mb_recipient r ON r.id / 65536 = m.id WHERE m.staged = 0 GROUP BY m.tag`,
      )
      .all() as { tag: string; messages: number; recipients: number }[];
    db.close();
    const stored = new Map(rows.map((row) => [row.tag, row]));
    for (const [tag, recipients] of accepted) {
      const row = stored.get(tag);
      if (row?.messages !== 1 || row.recipients !== recipients) {
        problems.push(
          `${tag} was accepted for ${recipients} recipients, and there is ${JSON.stringify(row)}`,
        );
      }
    }
    const claimed = await claimAll(store, problems);
    for (const recipientId of delivered) {
      if (claimed.has(recipientId))
        problems.push(`${recipientId} was delivered and settled, and is claimed again`);
    }
    return claimed.size;
  } finally {
    await store.close();
  }
}

/** Claims everything that waits, checks the content that a worker would send, and settles it. */
async function claimAll(store: SqliteStore, problems: string[]): Promise<Set<string>> {
  const claimed = new Set<string>();
  await store.reap();
  await store.reschedule({ all: true }, 0);
  for (;;) {
    const claim = await store.claim({ worker: 'judge', max: 100, leaseMs: 60_000 });
    if (claim === null) break;
    const recipientIds: string[] = [];
    for (const message of claim.messages) {
      const pieces: Uint8Array[] = [];
      if (message.content) pieces.push(message.content);
      else for await (const piece of store.content(message.messageId)) pieces.push(piece);
      const tag = tagOfContent(Buffer.concat(pieces));
      if (tag !== message.tag)
        problems.push(`${message.tag} is claimed with content of ${tag ?? 'nothing whole'}`);
      for (const { recipientId } of message.recipients) {
        if (claimed.has(recipientId)) problems.push(`${recipientId} is claimed twice`);
        claimed.add(recipientId);
        recipientIds.push(recipientId);
      }
    }
    await store.settle({
      leaseId: claim.leaseId,
      outcomes: recipientIds.map((recipientId) => ({ recipientId, status: 'delivered' })),
      release: true,
      feedback: { kind: 'succeeded' },
    });
  }
  const { queued, inFlight } = await store.stats();
  if (queued + inFlight > 0)
    problems.push(`${queued + inFlight} recipients are left that no process can claim`);
  return claimed;
}
