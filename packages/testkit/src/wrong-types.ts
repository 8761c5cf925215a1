/**
 * Tests that every export of a package, called with values of wrong types, throws the package's own error.
 *
 * @packageDocumentation
 */
import type { CallableNames } from './option-walk.ts';

/** Values that a caller without a type checker may pass by mistake. */
const wrongValues = {
  undefined: () => undefined,
  null: () => null,
  number: () => 5,
  boolean: () => true,
  string: () => 'x',
  function: () => () => 'x',
  symbol: () => Symbol('x'),
  bigint: () => 5n,
  array: () => [],
  object: () => ({}),
  /** An object that looks like a long array: a loop over its length would take too long. */
  length: () => ({ length: 1e9 }),
  /** A `Uint8Array` whose buffer was transferred, as to another thread. */
  detached: (): Uint8Array => {
    const octets = new Uint8Array(8);
    structuredClone(octets.buffer, { transfer: [octets.buffer] });
    return octets;
  },
} as const;

/** The name of a wrong value. */
export type WrongValue = keyof typeof wrongValues;

/** A parameter: a valid value, and the wrong values that it may accept as well. */
export type ParameterEntry = readonly [valid: unknown, ...accepts: WrongValue[]];

/** How one export is called. */
export interface CallEntry {
  readonly parameters: readonly ParameterEntry[];
  /** Default: the export itself. */
  readonly call?: (...parameters: never[]) => unknown;
}

/** The entries of each exported function and class; `none` for those without parameters, and for error classes. */
export type WrongTypeWalk<Module> = {
  readonly [Name in CallableNames<Module>]: CallEntry | readonly CallEntry[] | 'none';
};

/** One test case of a walk: one parameter with one wrong value. */
export interface WrongTypeCase {
  readonly name: string;
  /** Resolves if the test passes; rejects with the reason if it fails. */
  readonly check: () => Promise<void>;
}

/**
 * Returns the test cases for a walk. With each wrong value in place of each parameter, a call must throw or reject with
 * an error of the package; it may succeed if the entry says that the parameter accepts the value.
 *
 * A call that never ends makes its test time out.
 *
 * @param isOwn  Whether an error is one of the package, for example `MimeError.isInstance`.
 * @example
 * it.each(wrongTypeCases(exports, walk, DkimError.isInstance))('$name', ({ check }) => check());
 */
export function wrongTypeCases<Module extends object>(
  module: Module,
  walk: WrongTypeWalk<Module>,
  isOwn: (error: unknown) => boolean,
): WrongTypeCase[] {
  const cases: WrongTypeCase[] = [];
  for (const [name, value] of Object.entries(module)) {
    if (typeof value !== 'function') continue;
    const entries = (walk as Readonly<Record<string, CallEntry | readonly CallEntry[] | 'none'>>)[name];
    if (entries === undefined)
      cases.push({ name: `${name} has an entry`, check: () => Promise.reject(new Error(`${name}: none`)) });
    if (entries === undefined || entries === 'none') continue;
    for (const { parameters, call = value } of [entries].flat() as readonly CallEntry[]) {
      for (const [index, [, ...accepts]] of parameters.entries()) {
        for (const wrong of Object.keys(wrongValues) as WrongValue[]) {
          const given = parameters.map(([valid], at) => (at === index ? wrongValues[wrong]() : valid));
          cases.push({
            name: `${name} parameter ${index + 1}: ${wrong}`,
            check: () => expectOwnError(() => call(...(given as never[])), isOwn, accepts.includes(wrong)),
          });
        }
      }
    }
  }
  return cases;
}

async function expectOwnError(
  run: () => unknown,
  isOwn: (error: unknown) => boolean,
  accepted: boolean,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (isOwn(error)) return;
    throw new Error(`Expected an error of the package, got ${String(error)}`, { cause: error });
  }
  if (!accepted) throw new Error('Expected an error, but the call succeeded.');
}
