import { describe, expect, it } from 'vitest';
import {
  callback,
  either,
  flag,
  group,
  integer,
  list,
  literal,
  matching,
  type OptionTable,
  readOptions,
  record,
  required,
  signal,
  text,
  withMethods,
  word,
} from './option-table.ts';

interface Timeouts {
  readonly connectMs?: number | undefined;
}
interface Sample {
  readonly name: string;
  readonly count?: number;
  readonly mode?: 'fast' | 'slow';
  readonly eager?: boolean;
  readonly timeouts?: Timeouts;
  readonly hosts?: readonly string[];
  readonly cache?: Timeouts | false;
  readonly onEvent?: (name: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly secret?: string | Uint8Array;
  readonly store?: { get(key: string): string };
  readonly failures?: Readonly<Record<string, 'timeout'>>;
}

const timeouts = {
  connectMs: integer(1, 600_000, { default: 5000, unit: 'ms' }),
} satisfies OptionTable<Timeouts>;
const sample = {
  name: required(text('a name', { pattern: /./ })),
  count: integer(0, 10, { default: 3 }),
  mode: word(['fast', 'slow']),
  eager: flag({ default: true }),
  timeouts: group<Timeouts>(timeouts),
  hosts: list(text(), 1),
  cache: either(group<Timeouts>(timeouts), literal(false)),
  onEvent: callback(),
  signal: signal(),
  secret: matching<string | Uint8Array>('a string or octets', (value) => typeof value === 'string'),
  store: withMethods<{ get(key: string): string }>('get'),
  failures: record(word(['timeout'])),
} satisfies OptionTable<Sample>;

const read = (given: unknown) => readOptions(given as Sample, sample, 'open: options');
const messageOf = (given: unknown): string => {
  try {
    read(given);
  } catch (error) {
    expect(error).toMatchObject({ kind: 'api-misuse', retryable: false });
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
};

const refused: readonly (readonly [unknown, string])[] = [
  [{}, 'open: options.name is missing; it must be a name.'],
  [{ name: '' }, 'open: options.name must be a name, not an empty string.'],
  [{ name: 'a', count: 11 }, 'open: options.count must be an integer from 0 to 10, not 11.'],
  [{ name: 'a', count: Number.NaN }, 'open: options.count must be an integer from 0 to 10, not NaN.'],
  [{ name: 'a', count: null }, 'open: options.count must be an integer from 0 to 10, not null.'],
  [{ name: 'a', mode: 'quick' }, 'open: options.mode must be one of "fast", "slow", not a string like that.'],
  [{ name: 'a', eager: 1 }, 'open: options.eager must be true or false, not 1.'],
  [
    { name: 'a', timeouts: { connectMs: 0 } },
    'open: options.timeouts.connectMs must be an integer from 1 to 600000 (ms), not 0.',
  ],
  [{ name: 'a', timeouts: [] }, 'open: options.timeouts must be an object, not an array of 0.'],
  [{ name: 'a', hosts: [] }, 'open: options.hosts must be an array of at least 1, not an array of 0.'],
  [{ name: 'a', hosts: ['b', 5] }, 'open: options.hosts[1] must be a string, not 5.'],
  [{ name: 'a', cache: true }, 'open: options.cache must be an object, or false, not true.'],
  [{ name: 'a', onEvent: {} }, 'open: options.onEvent must be a function, not an object.'],
  [{ name: 'a', signal: 'x' }, 'open: options.signal must be an AbortSignal, not a string like that.'],
  [{ name: 'a', store: {} }, 'open: options.store must be an object with the method get, not an object.'],
  [
    { name: 'a', failures: { b: 'x' } },
    'open: options.failures["b"] must be one of "timeout", not a string like that.',
  ],
  [null, 'open: options must be an object, not null.'],
  [5, 'open: options must be an object, not 5.'],
  ['x', 'open: options must be an object, not a string like that.'],
  [[], 'open: options must be an object, not an array of 0.'],
  [() => 5, 'open: options must be an object, not a function.'],
  [new Uint8Array(3), 'open: options must be an object, not an object.'],
];

describe('readOptions', () => {
  it('fills in defaults, leaves out undefined and keeps nothing that the table does not have', () => {
    expect(read({ name: 'a' })).toEqual({ name: 'a', count: 3, eager: true });
    const given = { name: 'a', count: undefined, eager: undefined, timeouts: { connectMs: undefined } };
    const result = read(given);
    expect(result).toEqual({ name: 'a', count: 3, eager: true, timeouts: { connectMs: 5000 } });
    expect(Object.keys(read({ name: 'a', mode: undefined }))).not.toContain('mode');
  });

  it('OPT-01 refuses an unknown key on every level and says which was probably meant', () => {
    expect(messageOf({ name: 'a', cuont: 1 })).toContain(
      'open: options has no key "cuont"; did you mean "count"?',
    );
    expect(messageOf({ name: 'a', onevent: 1 })).toContain('did you mean "onEvent"?');
    expect(messageOf({ name: 'a', timeouts: { connect: 1 } })).toContain(
      'open: options.timeouts has no key "connect"; did you mean "connectMs"?',
    );
    expect(messageOf({ name: 'a', cache: { connectms: 1 } })).toContain('open: options.cache has no key');
    const far = messageOf({ name: 'a', '': 1 });
    expect(far).not.toContain('did you mean');
    expect(far).toContain('Known keys: name, count, mode,');
    expect(messageOf(JSON.parse('{"name":"a","__proto__":1}'))).toContain('has no key "__proto__"');
    expect(messageOf({ name: 'a', constructor: 1 })).toContain('has no key "constructor"');
    expect(messageOf({ name: 'a', ['x'.repeat(1_000_000)]: 1 }).length).toBeLessThan(300);
  });

  it.each(refused)('OPT-02 refuses %j with the path and what is wanted', (given, message) => {
    expect(messageOf(given)).toBe(message);
  });

  it('never repeats a string value, which may be a key or a password', () => {
    expect(messageOf({ name: 'a', count: 'hunter2' })).not.toContain('hunter2');
    expect(messageOf({ name: 'a', secret: Symbol('hunter2') })).not.toContain('hunter2');
  });

  it('describes itself as JSON', () => {
    expect(JSON.parse(JSON.stringify(sample))).toMatchObject({
      name: { wanted: 'a name', required: true },
      count: { minimum: 0, maximum: 10, default: 3 },
      mode: { words: ['fast', 'slow'] },
      timeouts: { options: { connectMs: { minimum: 1, maximum: 600_000, default: 5000, unit: 'ms' } } },
      hosts: { item: { wanted: 'a string' } },
      cache: { either: [{ options: { connectMs: { unit: 'ms' } } }, { wanted: 'false' }] },
    });
  });
});

describe('OptionTable', () => {
  it('OPT-03 is a type error where table and type differ', () => {
    // @ts-expect-error: a key of the type is missing in the table
    ({ name: sample.name }) satisfies OptionTable<Sample>;
    // @ts-expect-error: the table has a key that the type does not have
    ({ ...sample, size: integer(0, 1) }) satisfies OptionTable<Sample>;
    // @ts-expect-error: a word is missing
    ({ ...sample, mode: word(['fast']) }) satisfies OptionTable<Sample>;
    // @ts-expect-error: a word is too many
    ({ ...sample, mode: word(['fast', 'slow', 'fair']) }) satisfies OptionTable<Sample>;
    // @ts-expect-error: another type
    ({ ...sample, count: text() }) satisfies OptionTable<Sample>;
    // @ts-expect-error: the type requires it
    ({ ...sample, name: text() }) satisfies OptionTable<Sample>;
    // @ts-expect-error: the type does not require it
    ({ ...sample, count: required(integer(0, 10)) }) satisfies OptionTable<Sample>;
    const count: number = read({ name: 'a' }).count;
    expect(count).toBe(3);
  });
});
