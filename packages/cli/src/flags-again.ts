/** Reads the flags of a command as the configuration and the environment give them now. */
export type ReadFlags = <Flags extends object>(name: string) => Promise<Flags>;

let reader: ReadFlags | undefined;

/** Sets how flags are read again; the code that parses the command line calls it. */
export function rememberFlags(read: ReadFlags): void {
  reader = read;
}

/**
 * Reads the flags of a command again, for commands that reload their configuration.
 *
 * @throws {CliError} as the command itself would at its start.
 */
export function readFlagsAgain<Flags extends object>(name: string): Promise<Flags> {
  if (!reader) throw new Error('No command line was parsed.');
  return reader<Flags>(name);
}
