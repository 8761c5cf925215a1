import { CliError } from './errors.ts';

/**
 * Returns an environment variable that no flag reads; undefined when it is not set.
 *
 * @throws {CliError} MB_CLI_USAGE when it is set but empty.
 */
export function readVariable(name: string): string | undefined {
  const value = process.env[name];
  if (value === '') throw new CliError('MB_CLI_USAGE', `${name} is empty. Give it a value, or unset it.`);
  return value;
}
