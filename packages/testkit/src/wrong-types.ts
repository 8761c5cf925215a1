/**
 * Calls every export of a package with values of wrong types and shows that each answers with the package's own error.
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
  /** An object that looks like a long array: a loop over its length would not end in time. */
  length: () => ({ length: 1e9 }),
  /** A `Uint8Array` whose memory was given to another thread. */
  detached: (): Uint8Array => {
    const octets = new Uint8Array(8);
    structuredClone(octets.buffer, { transfer: [octets.buffer] });
    return octets;
  },
} as const;

/** The name of a wrong value. */
export type WrongValue = keyof typeof wrongValues;

/** A parameter: a value that it takes, and the wrong values that it may take as well. */
export type ParameterEntry = readonly [valid: unknown, ...accepts: WrongValue[]];

/** How one export is called. */
export interface CallEntry {
  readonly parameters: readonly ParameterEntry[];
  /** Default: the export itself. */
  readonly call?: (...parameters: never[]) => unknown;
}

/** One entry or more for each exported function and class; `none` for those without parameters, such as error classes. */
export type WrongTypeWalk<Module> = {
  readonly [Name in CallableNames<Module>]: CallEntry | readonly CallEntry[] | 'none';
};

/** One check of a walk: one parameter with one wrong value. */
export interface WrongTypeCase {
  readonly name: string;
  /** Resolves when the check holds, and rejects with what is wrong. */
  readonly check: () => Promise<void>;
}

/**
 * The checks for a walk: with each wrong value in the place of each parameter, a call throws or rejects with an error
 * of the package, or succeeds where the entry says that the parameter takes the value.
 *
 * A call that never ends makes the test run out of time.
 *
 * @param isOwn  Whether an error is one of the package's, such as `MimeError.isInstance`.
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
