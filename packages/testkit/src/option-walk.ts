/**
 * Walks the public calls of a package and shows that each checks its options.
 *
 * @packageDocumentation
 */

/** One options object of one public call. */
export interface OptionEntry {
  /** Options that the call takes; nested objects and arrays of objects are walked as well. */
  readonly valid: object;
  /** The table of the options object: each of its keys that is not required is given as `undefined`. */
  readonly table: Readonly<Record<string, object>>;
  /** Calls the export with these options; what it does with them does not matter, as long as it ends. */
  readonly call: (options: never) => unknown;
  /** The keys are fields of a message: the error of a wrong value has a code and a kind of its own. Default false. */
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
 * One entry for each options object of each exported function and class; `none` for those that take no options, and
 * `result` for those whose object with optional keys is what another call returned.
 */
export type OptionWalk<Module> = {
  readonly [Name in CallableNames<Module>]: TakesOptions<Module[Name]> extends true
    ? readonly [OptionEntry, ...OptionEntry[]] | 'result'
    : readonly OptionEntry[] | 'none';
};

/**
 * The methods with options of what the classes and functions of a module make, and of the parts of that:
 * `MailBroker.send`, `MailBroker.queue.list`, `createResolver.query`.
 */
export type MethodNames<Module> = {
  [Name in CallableNames<Module> & string]: `${Name}.${MethodPaths<Made<Module[Name]>>}`;
}[CallableNames<Module> & string];

/** Entries for each of {@link MethodNames}, or why a method has none: what else checks its options. */
export type MethodWalk<Module> = {
  readonly [Name in MethodNames<Module>]: readonly [OptionEntry, ...OptionEntry[]] | string;
};

/** What a class or function makes; never for errors and for values without methods of ours. */
type Made<Callable> = Callable extends abstract new (
  ...args: never[]
) => infer Instance
  ? Part<Instance>
  : Callable extends (...args: never[]) => infer Result
    ? Part<Awaited<Result>>
    : never;
/** An object whose methods are ours to check. */
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

/** One check of a walk. */
export interface OptionCase {
  readonly name: string;
  /** Resolves when the check holds, and rejects with what is wrong. */
  readonly check: () => Promise<void>;
}

const unknownName = 'noSuchOption';

/**
 * The checks for a walk: each options object, and each object nested in it, refuses an unknown key, and one that is
 * misspelt with the one that was meant; each key refuses values of a wrong type and beyond its range with its path; each
 * key that may be left out may be `undefined`; each required one must not be; and every exported function and class has
 * an entry.
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
 * The checks for the methods of what a module makes, as {@link optionCases} has them for its functions and constructors.
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

/** A value of a type that no option has and, where the row says its range, numbers beyond it. */
function wrongValues(row: object): unknown[] {
  const { minimum, maximum } = row as { readonly minimum?: unknown; readonly maximum?: unknown };
  const range =
    typeof minimum === 'number' && typeof maximum === 'number'
      ? [minimum - 1, maximum + 1, Number.NaN, String(maximum)]
      : [];
  return [Symbol('wrong'), ...range];
}

/** The paths of the plain objects in a value, itself included. */
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

/** A copy of `value` in which the place at `path` holds `leaf`. */
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
