/*
 * Checks the arguments of public functions. Other packages use option-table.ts. This package is bundled for browsers, so
 * its code is smaller: each check is a function, and a bundler removes unused ones. See docs/decisions/option-tables.md.
 */
import { MimeError } from './errors.ts';

/** Checks the value of an option. The error names `where`, and the key if given. */
export interface Row<V> {
  (value: unknown, where: string, key?: string): void;
  /** Never set. Makes rows of different value types incompatible. */
  readonly type?: (value: V) => V;
}

/** A row for each key of T. */
export type OptionTable<T> = { readonly [K in KeyOf<T>]: Row<Exclude<ValueOf<T, K>, undefined>> };
type KeyOf<T> = T extends unknown ? keyof T : never;
type ValueOf<T, K> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;

interface Rows {
  readonly [key: string]: (value: unknown, where: string, key?: string) => void;
}

/**
 * Checks options against their table. An `undefined` value counts as not given.
 *
 * @param where  The function and its parameter, such as `parseMessage: options`.
 * @throws {MimeError} MB_MIME_OPTION for unknown keys, wrong types and values out of range; the message names the path.
 */
export function checkOptions(given: unknown, table: Rows, where: string): void {
  object(given, where);
  // Runs for each message and often for each field, so it does not allocate a list of keys.
  for (const key in given as object) {
    if (!Object.hasOwn(table, key)) throw unknownKey(key, Object.keys(table), where);
    const value = (given as Record<string, unknown>)[key];
    if (value !== undefined) table[key]!(value, where, key);
  }
}

function unknownKey(key: string, known: readonly string[], where: string): MimeError {
  const near = known.find((one) => isNear(one.toLowerCase(), key.toLowerCase()));
  const hint = near === undefined ? '.' : `; did you mean "${near}"?`;
  return optionError(
    `${where} has no key ${JSON.stringify(key.slice(0, 40))}${hint} Known keys: ${known.join(', ')}.`,
  );
}

/** Whether two words differ in one place only, by at most two letters. */
function isNear(a: string, b: string): boolean {
  const shorter = Math.min(a.length, b.length);
  let same = 0;
  while (same < shorter && a[same] === b[same]) same += 1;
  for (let end = 1; same < shorter && a.at(-end) === b.at(-end); end++) same += 1;
  const other = Math.max(a.length, b.length) - same;
  return other <= 2 && other <= same;
}

/** Accepts anything; the value is checked where it is used. */
// biome-ignore lint/suspicious/noExplicitAny: it fits every type
export const any: Row<any> = () => {};

/** An object that is not an array or a typed array. */
// biome-ignore lint/suspicious/noExplicitAny: it fits every type
export const object: Row<any> = (value, where, key) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    throw wrongArgument(where, 'an object', key);
};

/** A string. */
export function checkText(value: unknown, where: string, key?: string): asserts value is string {
  if (typeof value !== 'string') throw wrongArgument(where, 'a string', key);
}

/** A string, or an array of strings. */
export const texts: Row<string | readonly string[]> = (value, where, key) => {
  for (const one of [value].flat()) checkText(one, where, key);
};

/** True or false. */
export const flag: Row<boolean> = (value, where, key) => {
  if (typeof value !== 'boolean') throw wrongArgument(where, 'true or false', key);
};

/** A function. */
// biome-ignore lint/suspicious/noExplicitAny: it fits every function
export const callback: Row<any> = (value, where, key) => {
  if (typeof value !== 'function') throw wrongArgument(where, 'a function', key);
};

/** An integer in a range. */
export const integer =
  (minimum: number, maximum = Number.MAX_SAFE_INTEGER): Row<number> =>
  (value, where, key) => {
    if (!(Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum))
      throw wrongArgument(where, `an integer from ${minimum} to ${maximum}`, key);
  };

/** One of several words. */
export const word =
  <const W extends string>(...words: readonly W[]): Row<W> =>
  (value, where, key) => {
    if (!words.includes(value as W)) throw wrongArgument(where, `one of: ${words.join(', ')}`, key);
  };

/** An object with its own table. */
export const group =
  <T extends object>(table: OptionTable<NoInfer<T>>): Row<T> =>
  (value, where, key) =>
    checkOptions(value, table as Rows, pathOf(where, key));

/** An array whose members are checked by one row. */
export const list =
  <V>(row: Row<V>): Row<readonly V[]> =>
  (value, where, key) => {
    if (!Array.isArray(value)) throw wrongArgument(where, 'an array', key);
    for (const [index, one] of value.entries()) row(one, `${pathOf(where, key)}[${index}]`);
  };

/** Octets. Rejects an array whose buffer was transferred, since it would appear empty. */
export function checkOctets(value: unknown, where: string): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array) || isDetached(value))
    throw wrongArgument(where, 'a Uint8Array that was not transferred');
}

/** Whether the buffer of an array was transferred, for example to another thread. */
export function isDetached(view: ArrayBufferView): boolean {
  // Reads `buffer` only for an empty array, since the access moves a small array to the heap.
  return view.byteLength === 0 && (view.buffer as { readonly detached?: boolean }).detached === true;
}

/** The error for an argument or option with a wrong type or out of range. */
export function wrongArgument(where: string, wanted: string, key?: string): MimeError {
  return optionError(`${pathOf(where, key)} must be ${wanted}.`);
}

function pathOf(where: string, key: string | undefined): string {
  return key === undefined ? where : `${where}.${key}`;
}

function optionError(message: string): MimeError {
  return new MimeError('MB_MIME_OPTION', message);
}
