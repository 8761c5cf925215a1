import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { Command, CommanderError, Help, Option } from 'commander';
import { colors as pc } from './colors.ts';
import { commandList, UnloadedCommand } from './command-list.ts';
import { applyConfig } from './config/apply.ts';
import { findConfig, readConfig } from './config/file.ts';
import { refuseEmptyValues } from './empty-value.ts';
import { type CodedError, isCodedError } from './errors.ts';
import { exitCodes } from './exit-code.ts';
import { rememberFlags } from './flags-again.ts';
import { notice, printJson, warn } from './output.ts';
import type { StoreFlags } from './queue/store-flag.ts';
import { redact } from './redact.ts';
import { labelled, printableLines, terminalWidth } from './terminal.ts';

const EXIT_CODE_HELP = `
Exit codes:
  0   done
  1+  a result; see the help of each command
  64  a flag, address, key or message is wrong; nothing was done
  69  a service that is needed, such as DNS, cannot be reached
  70  a bug in mb
  74  the output could not be written
  130 interrupted

Colours are off when the output is piped or NO_COLOR is set.`;

/** Exit codes by the kind of an error; every other kind means that something cannot be reached. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  'api-misuse': exitCodes.usage,
  'invalid-input': exitCodes.usage,
  aborted: exitCodes.interrupted,
  internal: exitCodes.defect,
};

/**
 * Creates the command line.
 *
 * @param args  The arguments that will be parsed; only the commands that they name are loaded. Default: all commands.
 */
export async function createProgram(args?: readonly string[]): Promise<Command> {
  const program = new Command('mb')
    .description('Send e-mail directly to the mail exchangers of its recipients, and report what happened.')
    .version(packageVersion(), '-V, --version')
    .addOption(
      new Option(
        '--config <file>',
        'configuration; default mb.config.ts, .js or .json in this folder or above',
      ).env('MB_CONFIG'),
    )
    .option('--no-config', 'read no configuration')
    .addHelpText('after', EXIT_CODE_HELP)
    .showHelpAfterError('Try --help.')
    .configureOutput({
      // Commander repeats wrong arguments, one of which may be a key given instead of its file.
      outputError: (text, write) => write(printableLines(redact(text))),
      getOutHelpWidth: () => terminalWidth(),
      getErrHelpWidth: () => terminalWidth(process.stderr),
    })
    // Keep descriptions in their column on narrow terminals too.
    .configureHelp({ minWidthToWrap: 16, subcommandTerm })
    .exitOverride();
  // The flags of commands are handled when the commands are loaded.
  refuseEmptyValues(program);
  for (const listed of commandList) program.addCommand(new UnloadedCommand(listed));
  // The completion script needs every command.
  const all = args === undefined || args.includes('completion');
  await load(program, (name) => all || args.includes(name));
  return program.hook('preSubcommand', configure).hook('preAction', warnOfPassword);
}

/** Loads the wanted commands and replaces their placeholders. */
async function load(program: Command, isWanted: (name: string) => boolean): Promise<void> {
  const commands = program.commands as Command[];
  const loading = commands.map(async (command) => {
    if (!(command instanceof UnloadedCommand) || !isWanted(command.name())) return command;
    const loaded = adopt(await command.listed.load(), program);
    loaded.parent = program;
    refuseEmptyValues(loaded);
    return loaded;
  });
  commands.splice(0, commands.length, ...(await Promise.all(loading)));
}

function subcommandTerm(this: Help, command: Command): string {
  if (!(command instanceof UnloadedCommand)) return Help.prototype.subcommandTerm.call(this, command);
  const { name, usage } = command.listed;
  return usage === '' ? name : `${name} ${usage}`;
}

/** Sets the defaults of flags from the configuration, before the flags of a command are parsed. */
async function configure(program: Command, command: Command): Promise<void> {
  // A shell must start in any folder, also one with a broken configuration.
  if (command.name() === 'completion') return;
  const { config } = program.opts<{ readonly config?: string | boolean }>();
  if (config === false) return;
  const path = typeof config === 'string' ? config : await findConfig(process.cwd());
  if (path === undefined) return;
  const file = await readConfig(path);
  // A key may belong to any command.
  await load(program, () => true);
  applyConfig(program, file);
  program.setOptionValueWithSource('configPath', file.path, 'config');
}

/** Warns of a password in a URL: other users of the machine can see the command line, and a file may be shared. */
function warnOfPassword(_program: Command, command: Command): void {
  const { store } = command.opts<StoreFlags>();
  const source = command.getOptionValueSource('store');
  if (!store?.hasPassword || source === 'env') return;
  const where =
    source === 'cli' ? 'on the command line, which every user of this machine can see' : 'in a file';
  const text = `The URL has a password ${where}; leave it out and set PGPASSWORD, or put it into ~/.pgpass.`;
  warn(text);
}

/**
 * Runs one command line.
 *
 * @param args  Without the names of node and the script.
 * @returns The exit code; see {@link exitCodes}.
 */
export async function run(args: readonly string[]): Promise<number> {
  showWarnings();
  try {
    rememberFlags((name) => readFlags(args, name));
    const program = await createProgram(args);
    if (args.length === 0) program.help({ error: true });
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? exitCodes.ok);
  } catch (error) {
    // Commander has printed its own message already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return report(error, args.includes('--json'));
  }
}

/** Reads the flags of a command again, from the configuration and environment as they are now. */
async function readFlags<Flags extends object>(args: readonly string[], name: string): Promise<Flags> {
  const program = await createProgram(args);
  const read = Promise.withResolvers<Flags>();
  program.commands.find((one) => one.name() === name)!.action((flags: Flags) => read.resolve(flags));
  await program.parseAsync(args, { from: 'user' });
  return read.promise;
}

/** Gives a command the settings that commander gives to commands made by `program.command()`. */
function adopt(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) adopt(child, command);
  return command;
}

/** Shows warnings of the broker as those of `mb`, and hides those of Node itself. */
function showWarnings(): void {
  if (process.env.MB_DEBUG) return;
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => {
    if (name === 'MailBrokerWarning') warn(message);
  });
}

function exitCodeFor({ code, kind }: CodedError): number {
  // An error of the database, such as a wrong password or a full disk, is not a bug in mb.
  if (code === 'MB_BROKER_STORE_FAILED') return exitCodes.unavailable;
  return EXIT_CODES[kind] ?? exitCodes.unavailable;
}

/** Prints an error, with --json as an object; returns the exit code. */
function report(error: unknown, asJson: boolean): number {
  const coded = isCodedError(error);
  const exitCode = coded ? exitCodeFor(error) : exitCodes.defect;
  const message = error instanceof Error ? error.message : String(error);
  if (asJson) {
    const { code, kind } = coded ? error : { code: 'MB_CLI_INTERNAL', kind: 'internal' };
    printJson({ error: { code, kind, message: redact(message) }, exitCode });
    return exitCode;
  }
  notice(labelled('mb', pc.red, coded ? `${message} (${error.code})` : message));
  if (!coded && process.env.MB_DEBUG) notice(inspect(error));
  else if (!coded) notice('This is probably a bug in mb. Set MB_DEBUG=1 for details.');
  return exitCode;
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
