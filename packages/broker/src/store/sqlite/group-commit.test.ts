import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { VirtualClock } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { GroupCommit, type WriteOptions } from './group-commit.ts';

const hurried = { durable: true };
const patient = { durable: true, patient: true };

function open() {
  const clock = new VirtualClock(0);
  const commits = new GroupCommit(new DatabaseSync(':memory:'), { setTimer: clock.setTimer.bind(clock) });
  const done: string[] = [];
  const write = (name: string, options: WriteOptions) => commits.write(() => done.push(name), options);
  return { clock, commits, done, write };
}

it('lets patient writes wait while the queue is busy, and commits them with the first that is not patient', async () => {
  const { clock, done, write } = open();
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => write(name, patient)));
  const gathered = write('e', patient);
  await turn();
  await turn();
  expect(done.join('')).toBe('abcd');
  await Promise.all([gathered, write('f', hurried)]);
  expect([done.join(''), clock.pendingTimers]).toEqual(['abcdef', 0]);
});

it('Q-23 commits writes that need not be durable without the patient writes, which still wait', async () => {
  const { clock, done, write } = open();
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => write(name, patient)));
  const gathered = write('e', patient);
  await write('f', { durable: false });
  expect([done.join(''), clock.pendingTimers]).toEqual(['abcdf', 1]);
  await clock.advance(15);
  await gathered;
  expect([done.join(''), clock.pendingTimers]).toEqual(['abcdfe', 0]);
});

it('lets patient writes wait a few milliseconds, and not at all in a quiet queue or at the end', async () => {
  const { clock, commits, done, write } = open();
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => write(name, patient)));
  const gathered = write('e', patient);
  await clock.advance(15);
  await gathered;
  await write('f', patient);
  await Promise.all(['g', 'h', 'i', 'j'].map((name) => write(name, patient)));
  const last = write('k', patient);
  await commits.idle();
  await last;
  expect([done.join(''), clock.pendingTimers]).toEqual(['abcdefghijk', 0]);
});

/** A queue in memory beside a log whose flushes end when the test says so. */
function openFlushed() {
  const db = new DatabaseSync(':memory:');
  const flushes: PromiseWithResolvers<void>[] = [];
  const flush = () => {
    const flushed = Promise.withResolvers<void>();
    flushes.push(flushed);
    return flushed.promise;
  };
  const log = { flush, committed: () => {} };
  const commits = new GroupCommit(db, { setTimer: new VirtualClock(0).setTimer, log });
  const events: string[] = [];
  const write = (name: string, options: WriteOptions) =>
    commits
      .write(
        () => events.push(`write ${name}`),
        options,
        () => events.push(`committed ${name}`),
      )
      .then(() => events.push(`resolved ${name}`));
  /** What happened since the last call. */
  const since = async () => {
    await turn();
    await turn();
    return events.splice(0);
  };
  return { db, commits, flushes, write, since };
}

describe('beside a log', () => {
  it('Q-124 resolves a durable write when the log was flushed after its commit', async () => {
    const { commits, flushes, write, since } = openFlushed();
    void write('a', hurried);
    expect(await since()).toEqual(['write a', 'committed a']);
    let idle = false;
    void commits.idle().then(() => {
      idle = true;
    });
    expect([await since(), idle]).toEqual([[], false]);
    flushes[0]!.resolve();
    expect([await since(), idle]).toEqual([['resolved a'], true]);
  });

  it('Q-125 commits claims while the log is flushed, and lets durable writes share the next flush', async () => {
    const { flushes, write, since } = openFlushed();
    void write('a', hurried);
    await since();
    void write('b', hurried);
    void write('claim', { durable: false });
    void write('c', hurried);
    expect(await since()).toEqual(['write claim', 'committed claim', 'resolved claim']);
    flushes[0]!.resolve();
    expect(await since()).toEqual(['resolved a', 'write b', 'write c', 'committed b', 'committed c']);
    flushes[1]!.resolve();
    expect(await since()).toEqual(['resolved b', 'resolved c']);
    expect(flushes).toHaveLength(2);
  });

  it('Q-126 copies the log into the file after a failed flush, and refuses durable writes until that succeeds', async () => {
    const { db, flushes, write, since } = openFlushed();
    const { prepare } = db;
    let carriedOver = 0;
    let works = false;
    db.prepare = (sql: string) => {
      if (!sql.startsWith('PRAGMA wal_checkpoint')) return prepare.call(db, sql);
      carriedOver++;
      return { get: () => ({ busy: works ? 0 : 1 }) } as unknown as StatementSync;
    };
    const broken = Object.assign(new Error('EIO: i/o error, fdatasync'), { syscall: 'fdatasync' });
    const refused = write('a', hurried).catch((error) => error);
    await since();
    flushes[0]!.reject(broken);
    expect(await refused).toMatchObject({ code: 'MB_BROKER_STORE_FAILED', retryable: true, cause: broken });
    await expect(write('b', hurried)).rejects.toMatchObject({
      code: 'MB_BROKER_STORE_FAILED',
      retryable: true,
    });
    await write('claim', { durable: false });
    expect([await since(), carriedOver]).toEqual([['write claim', 'committed claim', 'resolved claim'], 2]);
    works = true;
    void write('c', hurried);
    expect([await since(), carriedOver]).toEqual([['write c', 'committed c'], 3]);
    flushes[1]!.reject(broken);
    expect([await since(), carriedOver]).toEqual([['resolved c'], 4]);
  });
});

function openWords() {
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE word (word TEXT)');
  const commits = new GroupCommit(db, { setTimer: new VirtualClock(0).setTimer });
  const insert = (word: string, then?: () => void) =>
    commits.write(() => {
      db.prepare('INSERT INTO word VALUES (?)').run(word);
      then?.();
      return word;
    }, hurried);
  const words = () =>
    db
      .prepare('SELECT word FROM word')
      .all()
      .map(({ word }) => word);
  return { db, insert, words };
}

it('undoes only the write that fails: the others are committed, and each takes effect once', async () => {
  const { insert, words } = openWords();
  const refuse = () => {
    throw new Error('refused');
  };
  const results = await Promise.allSettled([insert('a'), insert('b', refuse), insert('c')]);
  expect(
    results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.message)),
  ).toEqual(['a', expect.stringContaining('refused'), 'c']);
  expect(words()).toEqual(['a', 'c']);
});

it('writes nothing after a write has ended the transaction', async () => {
  const { db, insert, words } = openWords();
  const end = () => {
    if (db.isTransaction) db.exec('ROLLBACK');
  };
  const results = await Promise.allSettled([insert('a'), insert('b', end), insert('c')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(words()).toEqual([]);
  expect(await insert('d')).toBe('d');
  expect(words()).toEqual(['d']);
});
