import { CliError } from './errors.ts';

/**
 * A variable of the environment that no flag reads; undefined when it is not set.
 *
 * @throws {CliError} MB_CLI_USAGE for an empty one, which was meant to have a value.
 */
export function readVariable(name: string): string | undefined {
  const value = process.env[name];
  if (value === '') throw new CliError('MB_CLI_USAGE', `${name} is empty. Give it a value, or unset it.`);
  return value;
}
