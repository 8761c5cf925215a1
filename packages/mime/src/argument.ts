/*
 * How the arguments of public functions are checked. The other packages have option-table.ts for this; here the code is
 * small, for this package is bundled for browsers. docs/decisions/option-tables.md says what differs.
 */
import { MimeError } from './errors.ts';

/**
 * What an option accepts: a type; `strings` for a string or a list of them; `.name` for an object with that method;
 * words; an integer from a minimum to a maximum; a table for an object; a table in an array for a list of such objects;
 * `any` for what is checked where it is read.
 */
type Row = string | readonly string[] | readonly [number, number] | readonly [Rows] | Rows;
interface Rows {
  readonly [key: string]: Row;
}

/** The row that fits a type. */
type RowOf<V> =
  | 'any'
  | ([V] extends [boolean]
      ? 'boolean'
      : [V] extends [(...parameters: never[]) => unknown]
        ? 'function'
        : [V] extends [number]
          ? readonly [number, number]
          : [V] extends [string]
            ? string extends V
              ? 'string'
              : readonly V[]
            : V extends readonly (infer Item extends object)[]
              ? readonly [Rows & Partial<OptionTable<Item>>]
              : V extends object
                ? `.${string}` | 'object' | Rows
                : 'strings')
  | (string extends V ? 'strings' : never);

/** A row for each key of T. */
export type OptionTable<T> = { readonly [K in KeyOf<T>]: RowOf<Exclude<Of<T, K>, undefined>> };
type KeyOf<T> = T extends unknown ? keyof T : never;
type Of<T, K> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;

/**
 * Checks options by their table. A key that is `undefined` counts as not given.
 *
 * @param where  The function that was called, and how its parameter is named, such as `parseMessage: options`.
 * @throws {MimeError} MB_MIME_OPTION for unknown keys, wrong types and wrong ranges; the message names the path.
 */
export function checkOptions(given: unknown, table: object, where: string): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given) || ArrayBuffer.isView(given))
    throw wrongArgument(where, 'an object');
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(table, key)) {
      const known = Object.keys(table);
      const near = known.find((one) => isNear(one.toLowerCase(), key.toLowerCase()));
      const hint = near === undefined ? '' : `; did you mean "${near}"?`;
      const written = JSON.stringify(key.slice(0, 40));
      throw optionError(`${where} has no key ${written}${hint || '.'} Known keys: ${known.join(', ')}.`);
    }
    if (value !== undefined) checkValue(value, (table as Rows)[key]!, `${where}.${key}`);
  }
}

function checkValue(value: unknown, row: Row, path: string): void {
  if (typeof row === 'string') {
    const method = row[0] === '.' && row.slice(1);
    const fits = method
      ? typeof (value as Record<string, unknown> | null)?.[method] === 'function'
      : row === 'strings'
        ? [value].flat().every((one) => typeof one === 'string')
        : row === 'any' || (typeof value === row && value !== null && !ArrayBuffer.isView(value));
    if (!fits) throw wrongArgument(path, method ? `an object with the method ${method}` : `of type ${row}`);
  } else if (!Array.isArray(row)) checkOptions(value, row, path);
  else {
    const [first, last] = row;
    if (typeof first === 'object') {
      if (!Array.isArray(value)) throw wrongArgument(path, 'an array');
      for (const [index, one] of value.entries()) checkOptions(one, first, `${path}[${index}]`);
    } else if (typeof first === 'number') {
      const number = value as number;
      if (!Number.isInteger(number) || number < first || number > last)
        throw wrongArgument(path, `an integer from ${first} to ${last}`);
    } else if (!row.includes(value)) throw wrongArgument(path, `one of: ${row.join(', ')}`);
  }
}

/** Whether two words differ in one place, by two letters at most. */
function isNear(a: string, b: string): boolean {
  const shorter = Math.min(a.length, b.length);
  let same = 0;
  while (same < shorter && a[same] === b[same]) same += 1;
  for (let end = 1; same < shorter && a.at(-end) === b.at(-end); end++) same += 1;
  const other = Math.max(a.length, b.length) - same;
  return other <= 2 && other <= same;
}

/** Checks an argument that must be a string. */
export function checkText(value: unknown, where: string): asserts value is string {
  if (typeof value !== 'string') throw wrongArgument(where, 'a string');
}

/** Checks an argument that must be octets. An array whose memory was transferred looks empty, which nobody meant. */
export function checkOctets(value: unknown, where: string): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array) || isDetached(value))
    throw wrongArgument(where, 'a Uint8Array that was not transferred');
}

/** Whether the memory of an array was given to another thread. */
export function isDetached({ buffer }: ArrayBufferView): boolean {
  return (buffer as { readonly detached?: boolean }).detached === true;
}

/** The error for an argument or option of the wrong type or range. */
export function wrongArgument(where: string, wanted: string): MimeError {
  return optionError(`${where} must be ${wanted}.`);
}

function optionError(message: string): MimeError {
  return new MimeError('MB_MIME_OPTION', message);
}
