import { expect, it } from 'vitest';
import { createSeededRandom } from './seeded-random.ts';

const draw = (seed: number | string) => {
  const { random } = createSeededRandom(seed);
  return Array.from({ length: 5 }, random);
};

it('gives the same numbers for a seed, and others for another', () => {
  expect(draw(42)).toEqual(draw(42));
  expect(draw('42')).toEqual(draw(42));
  expect(draw(43)).not.toEqual(draw(42));
});

it('gives the same numbers as on the day it was written', () => {
  const { random, randomBytes } = createSeededRandom('fixed');
  expect([Math.floor(random() * 1e9), Buffer.from(randomBytes(6)).toString('hex')]).toMatchInlineSnapshot(`
    [
      465050226,
      "de89c527fbc9",
    ]
  `);
});

it('spreads evenly over [0, 1), integers and items', () => {
  const source = createSeededRandom(7);
  const buckets = Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const value = source.random();
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThan(1);
    buckets[Math.floor(value * 10)]!++;
  }
  // Ten standard deviations: never by chance.
  for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(300);
  const integers = new Set(Array.from({ length: 200 }, () => source.integer(3, 5)));
  expect([...integers].sort()).toEqual([3, 4, 5]);
  expect(new Set(Array.from({ length: 200 }, () => source.pick(['a', 'b'])))).toEqual(new Set(['a', 'b']));
});

it('forks into sources that do not disturb each other', () => {
  const one = createSeededRandom(1);
  const before = one.fork('dns').random();
  one.random();
  expect(one.fork('dns').random()).toBe(before);
  expect(one.fork('smtp').random()).not.toBe(before);
});

it('makes as many octets as asked for', () => {
  expect(createSeededRandom(1).randomBytes(0).length).toBe(0);
  const octets = createSeededRandom(1).randomBytes(4_096);
  expect(new Set(octets).size).toBe(256);
});
