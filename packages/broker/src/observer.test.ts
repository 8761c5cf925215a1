import { expect, it } from 'vitest';
import { type Observation, Observers } from './observer.ts';

const route: Observation = {
  type: 'route',
  domain: 'example.org',
  status: 'found',
  hosts: [],
  durationMs: 3,
};

it('OBS-01 OBS-08 passes an observation to those who listen to its type, until they stop', () => {
  const observers = new Observers(() => {});
  const seen: string[] = [];
  expect(observers.wants('route')).toBe(false);
  const stopFirst = observers.add(['route', 'tls'], ({ type }) => seen.push(`first ${type}`));
  const stopSecond = observers.add(['route'], ({ domain }) => seen.push(`second ${domain}`));
  observers.emit(route);
  stopFirst();
  observers.emit(route);
  expect(seen).toEqual(['first route', 'second example.org', 'second example.org']);
  expect(observers.wants('tls')).toBe(false);
  stopSecond();
  expect(observers.wants('route')).toBe(false);
});

it('OBS-01 OBS-08 removes once what was added twice', () => {
  const observers = new Observers(() => {});
  let count = 0;
  const listener = () => count++;
  const stop = observers.add(['route'], listener);
  observers.add(['route'], listener);
  stop();
  stop();
  observers.emit(route);
  expect(count).toBe(1);
});

it('OBS-02 a listener that throws is reported and stops neither the others nor delivery', () => {
  const failures: unknown[] = [];
  const observers = new Observers((error) => failures.push(error));
  let count = 0;
  const broken = new Error('broken');
  observers.add(['route'], () => {
    throw broken;
  });
  observers.add(['route'], () => count++);
  observers.emit(route);
  expect(failures).toEqual([broken]);
  expect(count).toBe(1);
});

it('OBS-07 an error that nothing observes goes to where failures of listeners go', () => {
  const failures: unknown[] = [];
  const seen: unknown[] = [];
  const observers = new Observers((error) => failures.push(error));
  observers.reportError('first');
  const end = observers.add(['error'], ({ error }) => seen.push(error));
  observers.reportError('second');
  end();
  observers.reportError('third');
  expect([failures, seen]).toEqual([['first', 'third'], ['second']]);
});
