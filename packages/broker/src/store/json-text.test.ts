import { expect, it } from 'vitest';
import { jsonText } from './json-text.ts';
import { MemoryStore } from './memory/memory-store.ts';

const circle: Record<string, unknown> = {};
circle.self = circle;

it.each([
  [{}],
  [{ a: null, b: [1, -2.5, 1e300, true, 'text', []], c: { d: '\ud800\0' } }],
  [Object.assign(Object.create(null), { a: 1 })],
])('SAFE-40 %j is the same when it is read again', (value) => {
  expect(JSON.parse(jsonText(value, 'value'))).toEqual({ ...value });
});

it('SAFE-40 leaves out what is undefined', () => {
  expect(jsonText({ a: undefined, b: 1 }, 'value')).toBe('{"b":1}');
});

it.each([
  ['NaN', { limits: { rate: Number.NaN } }, 'value.limits.rate is NaN'],
  ['Infinity', { ttl: Number.POSITIVE_INFINITY }, 'value.ttl is Infinity'],
  ['-0', { n: -0 }, 'value.n is -0'],
  ['a date', { at: new Date(0) }, 'value.at is a Date'],
  ['a map', { m: new Map() }, 'value.m is a Map'],
  ['a set in a list', { m: [new Set()] }, 'value.m[0] is a Set'],
  ['octets', { key: new Uint8Array(3) }, 'value.key is a Uint8Array'],
  ['a bigint', { n: 5n }, 'value.n is a bigint'],
  ['a function', { f: () => 1 }, 'value.f is a function'],
  ['a symbol', { f: Symbol('x') }, 'value.f is a symbol'],
  ['undefined in a list', { list: [1, undefined] }, 'value.list[1] is undefined'],
  ['a hole', { list: Object.assign(new Array(3), { 0: 1, 2: 2 }) }, 'value.list[1] is undefined'],
  ['an instance', { e: new Error('x') }, 'value.e is a Error'],
  ['a promise', { e: Promise.resolve(1) }, 'value.e is a Promise'],
  ['toJSON()', { e: { toJSON: () => 5 } }, 'value.e is an object with toJSON()'],
  ['itself', circle, 'more than 100 objects deep, or contains itself'],
  ['a list', [1] as object, 'value must be an object'],
  ['null', null as unknown as object, 'value must be an object'],
  ['a date alone', new Date(0), 'value is a Date'],
])('SAFE-40 refuses %s', (_, value, message) => {
  expect(() => jsonText(value, 'value')).toThrow(
    expect.objectContaining({ code: 'MB_BROKER_OPTION', message: expect.stringContaining(message) }),
  );
});

it('SAFE-40 a record that would change is refused, and the one before stays', async () => {
  const { records } = new MemoryStore();
  await records.put('limits', 'one.test', { rate: 5 });
  await expect(records.put('limits', 'one.test', { rate: Number.NaN })).rejects.toMatchObject({
    code: 'MB_BROKER_OPTION',
  });
  expect((await records.get('limits', 'one.test'))?.value).toEqual({ rate: 5 });
});
