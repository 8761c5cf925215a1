/**
 * Tests that all public calls of a package check their options.
 *
 * @packageDocumentation
 */

/** One options object of one public call. */
export interface OptionEntry {
  /** Options that the call accepts; nested objects and arrays of objects are tested as well. */
  readonly valid: object;
  /** The table of the options object; each of its keys is tested. */
  readonly table: Readonly<Record<string, object>>;
  /** Calls the export with these options; its result is ignored, but it must end. */
  readonly call: (options: never) => unknown;
  /** Whether the keys are fields of a message, whose errors may have any code of the package. Default false. */
  readonly fields?: boolean | undefined;
  /** Paths in `valid` that are not options, such as `['failures']`: records with any keys, stores, messages. */
  readonly opaque?: readonly string[];
}

/** The names of the functions and classes that a module exports. */
export type CallableNames<Module> = {
  [Name in keyof Module]: Module[Name] extends (...args: never[]) => unknown
    ? Name
    : Module[Name] extends new (
          ...args: never[]
        ) => unknown
      ? Name
      : never;
}[keyof Module];

/**
 * The entries of each exported function and class, one for each options object; `none` if it takes no options, `result`
 * if its parameter with optional keys is the result of another call.
 */
export type OptionWalk<Module> = {
  readonly [Name in CallableNames<Module>]: TakesOptions<Module[Name]> extends true
    ? readonly [OptionEntry, ...OptionEntry[]] | 'result'
    : readonly OptionEntry[] | 'none';
};

/**
 * The names of all methods with options on the objects that the classes and functions of a module create, and on their
 * properties: `MailBroker.send`, `MailBroker.queue.list`, `createResolver.query`.
 */
export type MethodNames<Module> = {
  [Name in CallableNames<Module> & string]: `${Name}.${MethodPaths<Made<Module[Name]>>}`;
}[CallableNames<Module> & string];

/** Entries for each of {@link MethodNames}, or the reason why a method has none. */
export type MethodWalk<Module> = {
  readonly [Name in MethodNames<Module>]: readonly [OptionEntry, ...OptionEntry[]] | string;
};

/** The object that a class or function creates; never for errors and built-in types. */
type Made<Callable> = Callable extends abstract new (
  ...args: never[]
) => infer Instance
  ? Part<Instance>
  : Callable extends (...args: never[]) => infer Result
    ? Part<Awaited<Result>>
    : never;
/** The type itself if it is an object whose methods are checked; never for errors and built-in types. */
type Part<Value> = Value extends
  | Error
  | Date
  | Uint8Array
  | readonly unknown[]
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | AbortSignal
  | AsyncIterable<unknown>
  | Iterable<unknown>
  | ((...args: never[]) => unknown)
  ? never
  : Value extends object
    ? Value
    : never;
type MethodPaths<Value, Depth extends 'whole' | 'part' = 'whole'> = {
  [Key in keyof Value & string]: Exclude<Value[Key], undefined> extends (...args: infer Args) => unknown
    ? HasOptions<Args> extends true
      ? Key
      : never
    : Depth extends 'part'
      ? never
      : `${Key}.${MethodPaths<Part<Exclude<Value[Key], undefined>>, 'part'>}`;
}[keyof Value & string];

/** Whether a parameter of a function or constructor is an object with optional keys; error classes do not count. */
type TakesOptions<Callable> = Callable extends (...args: infer Args) => unknown
  ? HasOptions<Args>
  : Callable extends new (
        ...args: infer Args
      ) => infer Made
    ? Made extends Error
      ? false
      : HasOptions<Args>
    : false;
type HasOptions<Args extends readonly unknown[]> = true extends {
  [Index in keyof Args]-?: IsOptions<Exclude<Args[Index], undefined>>;
}[number]
  ? true
  : false;
type IsOptions<Parameter> = Parameter extends string | number | boolean | null | symbol | bigint
  ? false
  : Parameter extends
        | ((...args: never[]) => unknown)
        | readonly unknown[]
        | Uint8Array
        | AsyncIterable<unknown>
    ? false
    : true extends {
          [Key in keyof Parameter]-?: Record<never, never> extends Pick<Parameter, Key> ? true : false;
        }[keyof Parameter]
      ? true
      : false;

/** One test case of a walk. */
export interface OptionCase {
  readonly name: string;
  /** Resolves if the test passes; rejects with the reason if it fails. */
  readonly check: () => Promise<void>;
}

const unknownName = 'noSuchOption';

/**
 * Returns the test cases for a walk:
 *
 * - Every exported function and class has an entry.
 * - Each options object, and each object nested in it, refuses an unknown key.
 * - The error for a misspelt key suggests the right one.
 * - Each key refuses values of a wrong type or out of range, and the error names the key.
 * - An optional key may be `undefined`, a required one must not be.
 * - An options object must not be null.
 *
 * @param code  The package's error code for options, such as `MB_DKIM_OPTION`.
 * @example
 * it.each(optionCases(exports, walk, 'MB_DKIM_OPTION'))('$name', ({ check }) => check());
 */
export function optionCases<Module extends object>(
  module: Module,
  walk: OptionWalk<Module>,
  code: string,
): OptionCase[] {
  const entries = walk as Readonly<Record<string, readonly OptionEntry[] | 'none' | 'result' | undefined>>;
  const cases: OptionCase[] = [];
  for (const [name, value] of Object.entries(module)) {
    if (typeof value !== 'function') continue;
    const own = entries[name];
    if (own === undefined) {
      cases.push({
        name: `${name} has an entry`,
        check: () => Promise.reject(new Error(`${name} has none.`)),
      });
    } else if (typeof own !== 'string') {
      for (const [index, entry] of own.entries())
        cases.push(...entryCases(`${name} ${index + 1}`, entry, code));
    }
  }
  return cases;
}

/**
 * Returns the test cases for methods, as {@link optionCases} does for functions and constructors.
 *
 * @example
 * it.each(methodCases<typeof exports>(methods, 'MB_DKIM_OPTION'))('$name', ({ check }) => check());
 */
export function methodCases<Module>(walk: MethodWalk<Module>, code: string): OptionCase[] {
  const entries = Object.entries(walk as Readonly<Record<string, readonly OptionEntry[] | string>>);
  return entries.flatMap(([name, own]) =>
    typeof own === 'string'
      ? []
      : own.flatMap((entry, index) => entryCases(`${name} ${index + 1}`, entry, code)),
  );
}

function entryCases(name: string, entry: OptionEntry, code: string): OptionCase[] {
  const call = entry.call as (options: unknown) => unknown;
  const expectRefusal = async (options: unknown, mentioned: string) => {
    const error = await errorOf(() => call(options));
    if (codeOf(error) !== code) throw new Error(`${name}: expected ${code}, got ${describe(error)}`);
    if (!(error as Error).message.includes(mentioned))
      throw new Error(`${name}: the error does not name ${mentioned}.`);
  };
  const expectFieldRefusal = async (options: unknown) => {
    const found = codeOf(await errorOf(() => call(options)));
    const prefix = code.slice(0, code.lastIndexOf('_') + 1);
    if (typeof found !== 'string' || !found.startsWith(prefix))
      throw new Error(`${name}: expected ${prefix}…, got ${String(found)}`);
  };
  const cases: OptionCase[] = [];
  for (const path of objectPaths(entry.valid, entry.opaque ?? [])) {
    cases.push({
      name: `${name} refuses an unknown key${path.length === 0 ? '' : ` in ${path.join('.')}`}`,
      check: () => expectRefusal(withValue(entry.valid, [...path, unknownName], 1), unknownName),
    });
  }
  for (const [key, row] of Object.entries(entry.table)) {
    const misspelt = key.slice(0, -1);
    if (misspelt.length > 2 && !(misspelt in entry.table)) {
      cases.push({
        name: `${name} says what ${misspelt} was meant to be`,
        check: () => expectRefusal({ ...entry.valid, [misspelt]: 1 }, `did you mean "${key}"?`),
      });
    }
    for (const wrong of wrongValues(row)) {
      cases.push({
        name: `${name} refuses ${key}: ${String(wrong)}`,
        check: () =>
          entry.fields
            ? expectFieldRefusal({ ...entry.valid, [key]: wrong })
            : expectRefusal({ ...entry.valid, [key]: wrong }, key),
      });
    }
    const options = { ...entry.valid, [key]: undefined };
    if ('required' in row && row.required === true) {
      cases.push({ name: `${name} misses ${key}`, check: () => expectRefusal(options, key) });
      continue;
    }
    cases.push({
      name: `${name} takes ${key}: undefined as not given`,
      check: async () => {
        const error = await errorOf(() => call(options));
        if (codeOf(error) === code) throw new Error(`${name}: ${describe(error)}`);
      },
    });
  }
  cases.push({ name: `${name} refuses null`, check: () => expectRefusal(null, 'must be an object') });
  return cases;
}

/** Returns a value of a type that no option accepts and, if the row has a range, numbers outside it. */
function wrongValues(row: object): unknown[] {
  const { minimum, maximum } = row as { readonly minimum?: unknown; readonly maximum?: unknown };
  const range =
    typeof minimum === 'number' && typeof maximum === 'number'
      ? [minimum - 1, maximum + 1, Number.NaN, String(maximum)]
      : [];
  return [Symbol('wrong'), ...range];
}

/** Returns the paths of the plain objects in a value, including the value itself. */
function objectPaths(
  value: unknown,
  opaque: readonly string[],
  path: readonly string[] = [],
): (readonly string[])[] {
  if (opaque.includes(path.join('.'))) return [];
  if (Array.isArray(value))
    return value.flatMap((item, index) => objectPaths(item, opaque, [...path, String(index)]));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return [];
  return [path, ...Object.entries(value).flatMap(([key, item]) => objectPaths(item, opaque, [...path, key]))];
}

/** Returns a copy of `value` with `leaf` at the given path. */
function withValue(value: unknown, [key, ...rest]: readonly string[], leaf: unknown): unknown {
  if (key === undefined) return leaf;
  if (Array.isArray(value)) return value.with(Number(key), withValue(value[Number(key)], rest, leaf));
  return { ...(value as object), [key]: withValue((value as Record<string, unknown>)[key], rest, leaf) };
}

async function errorOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error;
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function describe(error: unknown): string {
  return error === undefined ? 'no error' : String(error);
}
