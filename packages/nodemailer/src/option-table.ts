/*
 * How options are checked: one declarative table for each options type, beside the type.
 *
 * This file is the same in every package, and a test in testkit compares the copies; only `optionError` of ./errors.ts
 * differs. docs/decisions/option-tables.md gives the reasons and the convention.
 */
import { optionError } from './errors.ts';

/** What is said about an option besides what it accepts; reference and configuration schema are made from it. */
export interface OptionFacts<V = unknown> {
  /** Taken when the option is not given. */
  readonly default?: V;
  /** Unit of a number: `ms`, `seconds`, `octets`. */
  readonly unit?: string;
}

/** One row of a table: what an option accepts. Everything but the functions is plain data. */
export interface OptionRow<V> extends OptionFacts {
  readonly required?: false;
  /** Completes "must be …". */
  readonly wanted: string;
  /** Whether the value has the right form; `read` checks what is inside it. */
  accepts(value: unknown): boolean;
  /** Reads a value that was accepted: checks members and leaves out what is undefined. */
  read?(value: never, path: string): unknown;
  /** Never set: makes rows of different types differ for the compiler. */
  readonly type?: (value: V) => V;
}

/** The row of an option that must be given; {@link required} makes one. */
export type RequiredRow<V> = Omit<OptionRow<V>, 'required'> & { readonly required: true };

/** A row for each key of T, no more and no fewer; those that T requires are {@link required}. */
export type OptionTable<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? OptionRow<Exclude<T[K], undefined>>
    : RequiredRow<Exclude<T[K], undefined>>;
};

/** T as {@link readOptions} returns it: nothing that has a default is undefined. */
export type OptionsRead<T, Table> = {
  readonly [K in keyof T as K extends DefaultKeys<Table> ? never : K]: T[K];
} & { readonly [K in keyof T as K extends DefaultKeys<Table> ? K : never]-?: Exclude<T[K], undefined> };

type DefaultKeys<Table> = {
  [K in keyof Table]: Table[K] extends { default: unknown } ? K : never;
}[keyof Table];

type AnyRow = Pick<OptionRow<unknown>, 'wanted' | 'accepts' | 'default'> & {
  readonly required?: boolean;
  read?(value: never, path: string): unknown;
};
type Rows = Readonly<Record<string, AnyRow>>;

/**
 * Checks options by their table and returns a copy: defaults filled in, `undefined` left out, nothing else in it.
 *
 * An unknown key, a missing one that is required and a value of the wrong type or range throw the option error of the
 * package, which names the path: `connect: options.timeouts.connectMs must be …`.
 *
 * @param where  The function that was called, and how its parameter is named, such as `connect: options`.
 */
export function readOptions<T extends object, const Table extends OptionTable<T>>(
  given: T | undefined,
  table: Table & OptionTable<T>,
  where: string,
): OptionsRead<T, Table> {
  return readRows(given === undefined ? {} : given, table as Rows, where) as OptionsRead<T, Table>;
}

/**
 * Throws for anything that is not an object, and for a key that `known` does not have, with the key that was probably
 * meant.
 */
export function refuseUnknownKeys(given: object, known: object, where: string): void {
  if (!isPlain(given)) throw optionError(`${where} must be an object, not ${nameOf(given)}.`);
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(known, key)) throw unknownKey(key, Object.keys(known), where);
  }
}

/** Throws for a positional argument that is no string, such as `parse: text`; returns the string. */
export function checkText(value: string, where: string): string {
  if (typeof value !== 'string') throw optionError(`${where} must be a string, not ${nameOf(value)}.`);
  return value;
}

/** Any whole number in a range. */
export function integer<const F extends OptionFacts<number>>(minimum: number, maximum: number, facts?: F) {
  const wanted = `an integer from ${minimum} to ${maximum}${facts?.unit ? ` (${facts.unit})` : ''}`;
  const accepts = (value: unknown) =>
    Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum;
  return row<number, F & { minimum: number; maximum: number }>(wanted, accepts, {
    ...(facts as F),
    minimum,
    maximum,
  });
}

/** True or false. */
export function flag<const F extends OptionFacts<boolean>>(facts?: F) {
  return row<boolean, F>('true or false', (value) => typeof value === 'boolean', facts);
}

/** A string; empty only when `wanted` does not say otherwise. */
export function text<const F extends OptionFacts<string> & { pattern?: RegExp }>(
  wanted = 'a string',
  facts?: F,
) {
  const pattern = facts?.pattern;
  return row<string, F>(
    wanted,
    (value) => typeof value === 'string' && (pattern?.test(value) ?? true),
    facts,
  );
}

/** One of several words. */
export function word<const W extends string, const F extends OptionFacts<W>>(words: readonly W[], facts?: F) {
  const wanted = `one of ${words.map((one) => `"${one}"`).join(', ')}`;
  return row<W, F & { words: readonly W[] }>(wanted, (value) => words.includes(value as W), {
    ...(facts as F),
    words,
  });
}

/** A function. */
export function callback<C extends (...args: never[]) => unknown>() {
  return row<C>('a function', (value) => typeof value === 'function');
}

/** An AbortSignal, also one of another realm. */
export function signal() {
  return row<AbortSignal>(
    'an AbortSignal',
    (value) => isObject(value) && hasMethods(value, ['addEventListener']),
  );
}

/** An object that has these methods: a store, a clock, a resolver. It is passed on as it is. */
export function withMethods<V extends object>(...methods: readonly (keyof V & string)[]) {
  const wanted = `an object with the method${methods.length > 1 ? 's' : ''} ${methods.join(', ')}`;
  return row<V>(wanted, (value) => isObject(value) && hasMethods(value, methods));
}

/** Whatever `accepts` accepts. */
export function matching<V>(wanted: string, accepts: (value: unknown) => boolean) {
  return row<V>(wanted, accepts);
}

/** An array of at least `minimum` members, each of which `item` accepts. */
export function list<V>(item: OptionRow<V>, minimum = 0) {
  const wanted = `an array${minimum > 0 ? ` of at least ${minimum}` : ''}`;
  const read = (value: readonly unknown[], path: string) =>
    value.map((member, index) => readValue(member, item, `${path}[${index}]`));
  return row<readonly V[], { item: OptionRow<V> }>(
    wanted,
    (value) => Array.isArray(value) && value.length >= minimum,
    { item },
    read,
  );
}

/** An object with any keys, whose values `item` accepts. */
export function record<V>(item: OptionRow<V>) {
  const read = (value: object, path: string) =>
    Object.fromEntries(
      Object.entries(value).map(([key, member]) => [
        key,
        readValue(member, item, `${path}[${JSON.stringify(key.slice(0, 40))}]`),
      ]),
    );
  return row<Readonly<Record<string, V>>, { item: OptionRow<V> }>('an object', isPlain, { item }, read);
}

/** An object with a table of its own. */
export function group<T extends object>(options: OptionTable<NoInfer<T>>) {
  const read = (value: object, path: string) => readRows(value, options as Rows, path);
  return row<T, { options: Rows }>('an object', isPlain, { options: options as Rows }, read);
}

/** What one of two rows accepts; the first that accepts the form of a value reads it. */
export function either<A, B>(first: OptionRow<A>, second: OptionRow<B>) {
  const rows: readonly AnyRow[] = [first, second];
  return row<A | B, { either: readonly AnyRow[] }>(
    `${first.wanted}, or ${second.wanted}`,
    (value) => rows.some((one) => one.accepts(value)),
    { either: rows },
    (value: unknown, path) => readValue(value, rows.find((one) => one.accepts(value))!, path),
  );
}

/** Makes the option of a row one that must be given. */
export function required<V, F>(row: OptionRow<V> & F): RequiredRow<V> & Omit<F, 'required'> {
  return { ...row, required: true } as unknown as RequiredRow<V> & Omit<F, 'required'>;
}

/** Exactly this value. */
export function literal<const V extends string | number | boolean>(value: V) {
  return row<V>(String(value), (given) => given === value);
}

function row<V, F extends object = object>(
  wanted: string,
  accepts: (value: unknown) => boolean,
  facts?: F,
  read?: (value: never, path: string) => unknown,
): OptionRow<V> & F {
  return { wanted, accepts, ...(facts as F), ...(read && { read }) } as OptionRow<V> & F;
}

function readRows(given: object, table: Rows, path: string): Record<string, unknown> {
  refuseUnknownKeys(given, table, path);
  const result: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(table)) {
    const value = (given as Record<string, unknown>)[key];
    if (value !== undefined) result[key] = readValue(value, one, `${path}.${key}`);
    else if (one.default !== undefined) result[key] = one.default;
    else if (one.required) throw optionError(`${path}.${key} is missing; it must be ${one.wanted}.`);
  }
  return result;
}

function readValue(value: unknown, one: AnyRow, path: string): unknown {
  if (!one.accepts(value)) throw optionError(`${path} must be ${one.wanted}, not ${nameOf(value)}.`);
  return one.read ? one.read(value as never, path) : value;
}

/** Numbers and the like as they are; strings never, for they may be keys or passwords. */
function nameOf(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isObject(value)) return 'an object';
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string like that';
  return typeof value === 'function' || typeof value === 'symbol' ? `a ${typeof value}` : String(value);
}

function unknownKey(key: string, known: readonly string[], where: string): Error {
  const written = JSON.stringify(key.slice(0, 40));
  const near = nearest(key, known);
  const hint = near === undefined ? '.' : `; did you mean "${near}"?`;
  return optionError(`${where} has no key ${written}${hint} Known keys: ${known.join(', ')}.`);
}

/** The known word that a misspelt one was meant to be, if any is near enough. */
function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.min(3, Math.ceil(word.length / 3)) + 1;
  for (const one of known) {
    const edits = editDistance(word.slice(0, 40).toLowerCase(), one.toLowerCase());
    if (edits < least) [best, least] = [one, edits];
  }
  return best;
}

/** Levenshtein's distance: insertions, deletions and substitutions. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (a[i] === b[j] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isPlain(value: unknown): boolean {
  return isObject(value) && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function hasMethods(value: object, methods: readonly string[]): boolean {
  return methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}
