import { expect, it } from 'vitest';
import { runPool } from './run-pool.ts';

/** Work that ends when the test says so, and the largest number of items that was under way. */
function bench() {
  const ends = new Map<number, () => void>();
  let most = 0;
  const work = (item: number) =>
    new Promise<void>((resolve) => {
      ends.set(item, () => {
        ends.delete(item);
        resolve();
      });
      most = Math.max(most, ends.size);
    });
  return { work, ends, most: () => most };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('asks for more while work is under way, once nothing waits, and never exceeds its width', async () => {
  const { work, ends, most } = bench();
  const answers = [[4, 5], [], []];
  const flow = runPool([1, 2, 3], 2, work, async () => answers.shift() ?? []);
  await settled();
  expect([[...ends.keys()], answers.length]).toEqual([[1, 2], 3]);
  ends.get(1)!();
  await settled();
  expect([[...ends.keys()], answers.length]).toEqual([[2, 3], 3]);
  ends.get(2)!();
  await settled();
  expect([[...ends.keys()], answers.length]).toEqual([[3, 4], 2]);
  for (const item of [3, 4, 5]) {
    ends.get(item)!();
    await settled();
  }
  await flow;
  expect([answers.length, most()]).toEqual([0, 2]);
});

it('asks a last time when all work has ended, as more may have come meanwhile', async () => {
  const answers = [[], [2], [], []];
  const done: number[] = [];
  const work = async (item: number) => {
    await settled();
    done.push(item);
  };
  await runPool([1], 2, work, async () => answers.shift() ?? []);
  expect([done, answers.length]).toEqual([[1, 2], 0]);
});

it('asks for nothing after a failure, works on what it has, and reports the failure', async () => {
  const { work, ends } = bench();
  const flow = runPool(
    [1, 2, 3],
    2,
    (item) => (item === 1 ? Promise.reject(new Error('one')) : work(item)),
    () => Promise.reject(new Error('not asked')),
  );
  const rejected = expect(flow).rejects.toThrow('one');
  await settled();
  expect([...ends.keys()]).toEqual([2, 3]);
  ends.get(2)!();
  ends.get(3)!();
  await rejected;
});

it('fails with the error of asking for more', async () => {
  await expect(
    runPool([1], 2, settled as () => Promise<void>, () => Promise.reject(new Error('store'))),
  ).rejects.toThrow('store');
});
