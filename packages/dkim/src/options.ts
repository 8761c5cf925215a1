import { DkimError } from './errors.ts';

/** Refuses an options object with keys that nobody reads: a misspelt option must not be silently ignored.
 *
 *  @throws {DkimError} MB_DKIM_OPTION.
 */
export function refuseUnknownKeys(options: object, known: ReadonlySet<string>, where: string): void {
  if (typeof options !== 'object' || options === null) {
    throw new DkimError('MB_DKIM_OPTION', `${where}: the options must be an object.`);
  }
  for (const key of Object.keys(options)) {
    if (!known.has(key)) {
      throw new DkimError(
        'MB_DKIM_OPTION',
        `${where}: unknown option ${JSON.stringify(key)}. Known options: ${[...known].join(', ')}.`,
      );
    }
  }
}

/** Checks a whole number within bounds.
 *
 *  @throws {DkimError} MB_DKIM_OPTION.
 */
export function requireInteger(value: unknown, name: string, minimum: number, maximum = 2 ** 53 - 1): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < minimum || value > maximum) {
    throw new DkimError('MB_DKIM_OPTION', `${name} must be a whole number from ${minimum} to ${maximum}.`);
  }
  return value;
}
