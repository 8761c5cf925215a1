import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { GroupCommit, type WriteOptions } from './group-commit.ts';

const hurried = { durable: true };
const patient = { durable: true, patient: true };

function open() {
  const clock = new VirtualClock(0);
  const commits = new GroupCommit(new DatabaseSync(':memory:'), clock.setTimer.bind(clock));
  const done: string[] = [];
  const write = (name: string, options: WriteOptions) => commits.write(() => done.push(name), options);
  return { clock, commits, done, write };
}

it('lets patient writes gather while the queue is busy, and commits them with the first that is in a hurry', async () => {
  const { clock, done, write } = open();
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => write(name, patient)));
  const gathered = write('e', patient);
  await turn();
  await turn();
  expect(done.join('')).toBe('abcd');
  await Promise.all([gathered, write('f', hurried)]);
  expect([done.join(''), clock.pendingTimers]).toEqual(['abcdef', 0]);
});

it('Q-23 commits what need not be durable without the patient writes, which go on waiting', async () => {
  const { clock, done, write } = open();
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => write(name, patient)));
  const gathered = write('e', patient);
  await write('f', { durable: false });
  expect([done.join(''), clock.pendingTimers]).toEqual(['abcdf', 1]);
  await clock.advance(15);
  await gathered;
  expect([done.join(''), clock.pendingTimers]).toEqual(['abcdfe', 0]);
});

it('makes no caller wait longer than a few milliseconds, nor at all in a quiet queue or at the end', async () => {
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

function openWords() {
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE word (word TEXT)');
  const commits = new GroupCommit(db, new VirtualClock(0).setTimer);
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

it('undoes a write that fails, and it alone: the others are committed, and each takes effect once', async () => {
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

it('writes nothing outside of a transaction that ended under a write', async () => {
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
