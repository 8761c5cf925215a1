import { describe, expect, it } from 'vitest';
import {
  advanceKeys,
  type KeySet,
  type KeySighting,
  type KeyState,
  type Sighting,
  signingKeys,
} from './key-state.ts';

const times = { settleMs: 300, retireMs: 10_000 };
const states: readonly KeyState[] = ['next', 'published', 'active', 'retiring', 'removable'];
const sightingsOf: readonly Sighting[] = ['seen', 'absent', 'different', 'contradictory', 'unknown'];

const set = (state: KeyState, number = 1, more: Partial<KeySet> = {}): KeySet => ({
  number,
  state,
  since: 0,
  keys: [{ selector: `r${number}` }, { selector: `e${number}` }],
  ...more,
});

const all = (seen: Sighting, ...sets: readonly KeySet[]): Map<string, KeySighting> =>
  new Map(
    sets.flatMap(({ keys }) =>
      keys.map(({ selector }) => [selector, { seen, detail: seen, negativeTtlMs: 0 }] as const),
    ),
  );

/** The states after a look at sets that are all seen as said. */
const after = (sets: readonly KeySet[], seen: Sighting, now = 1): readonly string[] =>
  advanceKeys(sets, all(seen, ...sets), now, times).map(({ number, state }) => `${number} ${state}`);

describe('advanceKeys', () => {
  /** What follows for a set that is alone, with its time not yet come. */
  const table: Readonly<Record<KeyState, Partial<Record<Sighting, KeyState | 'gone'>>>> = {
    next: { seen: 'active' },
    published: { seen: 'active', absent: 'next', different: 'next', contradictory: 'next' },
    active: {},
    retiring: {},
    removable: { absent: 'gone' },
  };
  const cases = states.flatMap((state) =>
    sightingsOf.map((seen) => [state, seen, table[state][seen] ?? state] as const),
  );
  it.each(cases)('DOM-90 a single set that is %s and %s becomes %s', (state, seen, expected) => {
    const more = state === 'retiring' ? { keepUntil: 100 } : {};
    expect(after([set(state, 1, more)], seen)).toEqual(expected === 'gone' ? [] : [`1 ${expected}`]);
  });

  it('DOM-11 a set replaces another only after all servers had it for long enough', () => {
    const before = [set('active'), set('next', 2)];
    let sets = advanceKeys(before, all('seen', ...before), 1000, times);
    expect(sets.map(({ state }) => state)).toEqual(['active', 'published']);
    sets = advanceKeys(sets, all('seen', ...sets), 1299, times);
    expect(sets.map(({ state }) => state)).toEqual(['active', 'published']);
    sets = advanceKeys(sets, all('seen', ...sets), 1300, times);
    expect(sets).toMatchObject([{ state: 'retiring', keepUntil: 11_300 }, { state: 'active' }]);
  });

  it('DOM-11 waits for as long as resolvers may remember that the keys were missing', () => {
    const before = [set('active'), set('next', 2)];
    const missing = new Map(
      ['r2', 'e2'].map((name) => [name, { seen: 'absent', detail: '', negativeTtlMs: 5000 }] as const),
    );
    let sets = advanceKeys(before, missing, 0, times);
    sets = advanceKeys(sets, all('seen', ...sets), 1000, times);
    sets = advanceKeys(sets, all('seen', ...sets), 5999, times);
    expect(sets[1]!.state).toBe('published');
    expect(advanceKeys(sets, all('seen', ...sets), 6000, times)[1]!.state).toBe('active');
  });

  it.each(['absent', 'different', 'contradictory', 'unknown'] as const)(
    'DOM-12 never switches to a set of which one key is %s',
    (seen) => {
      const sets = [set('active'), set('published', 2, { seenSince: 0 })];
      const sightings = all('seen', ...sets);
      sightings.set('e2', { seen, detail: '', negativeTtlMs: 0 });
      const next = advanceKeys(sets, sightings, 1e9, times);
      expect(next[0]!.state).toBe('active');
      expect(next[1]!.state).toBe(seen === 'unknown' ? 'published' : 'next');
      // Seen again, its time begins again.
      const again = advanceKeys(next, all('seen', ...next), 1e9 + 1, times);
      expect(again.map(({ state }) => state)).toEqual(['active', 'published']);
    },
  );

  it('DOM-12 never switches to a set that was not looked at', () => {
    const sets = [set('active'), set('next', 2)];
    expect(advanceKeys(sets, new Map(), 1e9, times).map(({ state }) => state)).toEqual(['active', 'next']);
  });

  it('DOM-13 DOM-102 an active key whose record is gone from all servers does not sign until it is seen again', () => {
    const active = set('active');
    const sightings = all('seen', active);
    sightings.set('e1', { seen: 'absent', detail: '', negativeTtlMs: 0 });
    let sets = advanceKeys([active], sightings, 1, times);
    expect(signingKeys(sets).map(({ selector }) => selector)).toEqual(['r1']);
    for (const unsure of ['contradictory', 'unknown'] as const) {
      sets = advanceKeys(sets, all(unsure, active), 2, times);
      expect(signingKeys(sets).map(({ selector }) => selector)).toEqual(['r1']);
    }
    sets = advanceKeys(sets, all('seen', active), 3, times);
    expect(signingKeys(sets)).toHaveLength(2);
  });

  it('DOM-14 DOM-103 a set that retires stays published until its time, and is deleted when its records are gone', () => {
    const sets = [set('retiring', 1, { keepUntil: 500 }), set('active', 2)];
    expect(after(sets, 'seen', 499)).toEqual(['1 retiring', '2 active']);
    expect(after(sets, 'seen', 500)).toEqual(['1 removable', '2 active']);
    const removable = [set('removable'), set('active', 2)];
    const sightings = all('seen', ...removable);
    for (const selector of ['r1', 'e1'])
      sightings.set(selector, { seen: 'absent', detail: '', negativeTtlMs: 0 });
    expect(advanceKeys(removable, sightings, 501, times).map(({ number }) => number)).toEqual([2]);
  });

  it('DOM-10 there is never more than one active set, whatever is seen and whenever', () => {
    // Every pair of states and sightings, with all that follows from a second look.
    for (const one of states)
      for (const two of states)
        for (const seen of sightingsOf)
          for (const then of sightingsOf) {
            if (one === 'active' && two === 'active') continue;
            const sets = [
              set(one, 1, { seenSince: 0, keepUntil: 50 }),
              set(two, 2, { seenSince: 0, keepUntil: 50 }),
            ];
            const first = advanceKeys(sets, all(seen, ...sets), 1000, times);
            const second = advanceKeys(first, all(then, ...first), 2000, times);
            for (const result of [first, second]) {
              expect(result.filter(({ state }) => state === 'active').length).toBeLessThanOrEqual(1);
            }
          }
  });
});
