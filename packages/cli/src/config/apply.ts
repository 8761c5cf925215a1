import { dirname, resolve } from 'node:path';
import type { Command, Option } from 'commander';
import { CliError } from '../errors.ts';
import type { ConfigFile } from './file.ts';
import { type OptionSections, optionSectionNames, splitSections } from './option-sections.ts';

/** A flag, and the command that has it. */
export interface Flag {
  readonly command: Command;
  readonly option: Option;
}

/**
 * Makes the values of a configuration the defaults of flags; the environment and the command line override them.
 *
 * A key is the name of a flag in camel case, or the name of a command, whose object holds keys for that command alone. At
 * the top level a key sets the flag in every command where it has the same meaning. Sections with options of the broker
 * go to the commands that deliver or open a queue, which check them.
 *
 * @throws {CliError} MB_CLI_CONFIG that names every wrong key.
 */
export function applyConfig(program: Command, { path, content }: ConfigFile): void {
  const { sections, flags } = splitSections(path, content);
  const problems = applyTo(program, flags, '', dirname(path));
  if (problems.length > 0) throw new CliError('MB_CLI_CONFIG', `${path}:\n${problems.join('\n')}`);
  if (sections) passOn(program, sections);
}

/** Gives sections to the commands that deliver or open a queue. */
function passOn(command: Command, sections: OptionSections): void {
  const names = command.options.map((option) => option.attributeName());
  if (names.includes('hostname') || names.includes('store')) {
    command.setOptionValueWithSource('optionSections', sections, 'config');
  }
  for (const child of command.commands) passOn(child, sections);
}

function applyTo(
  command: Command,
  content: Readonly<Record<string, unknown>>,
  prefix: string,
  folder: string,
): string[] {
  const flags = configurableFlags(command);
  // The section of one command comes last, so that it overrides.
  const entries = Object.entries(content).sort(([, a], [, b]) => Number(isSection(a)) - Number(isSection(b)));
  return entries.flatMap(([key, value]) => {
    const name = prefix + key;
    if (isSection(value)) {
      const child = command.commands.find((candidate) => candidate.name() === key);
      return child ? applyTo(child, value, `${name}.`, folder) : [unknown(name, key, command, flags)];
    }
    const named = flags.filter(({ option }) => option.attributeName() === key);
    if (named.length === 0) return [unknown(name, key, command, flags)];
    const meant = withOneMeaning(fitting(named, value));
    if (meant === undefined) return [ambiguous(name, key, named)];
    try {
      for (const flag of meant) setDefault(flag, value, folder);
      return [];
    } catch (error) {
      return [`  ${name}: ${(error as Error).message}`];
    }
  });
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The flags that a configuration may give for a command and those below it. */
export function configurableFlags(command: Command): readonly Flag[] {
  return flagsBelow(command).filter(({ option }) => !['version', 'config'].includes(option.attributeName()));
}

/** Whether a flag means the same in all commands, so that a configuration may give it for all of them. */
export function hasOneMeaning(program: Command, option: Option): boolean {
  const named = configurableFlags(program).filter(
    (flag) => flag.option.attributeName() === option.attributeName(),
  );
  return withOneMeaning(fitting(named, option.required ? '' : true)) !== undefined;
}

/** The commands that have a section, so those with flags. */
export function sectionsOf(command: Command): readonly Command[] {
  return command.commands.filter((child) => configurableFlags(child).length > 0);
}

function flagsBelow(command: Command): Flag[] {
  return [
    ...command.options.map((option) => ({ command, option })),
    ...command.commands.flatMap((child) => flagsBelow(child)),
  ];
}

/** `--oversign NAMES` and `--no-oversign` share a key: true and false are for the one without a value. */
function fitting(flags: readonly Flag[], value: unknown): readonly Flag[] {
  const fit = flags.filter(({ option }) => (typeof value === 'boolean') === !option.required);
  return fit.length === 0 ? flags : fit;
}

/**
 * The flags that a key sets; undefined when they have different meanings: the port that `inbox` listens on is not that
 * of mail exchangers. If exactly one of the meanings has an environment variable, the key has that meaning.
 */
function withOneMeaning(flags: readonly Flag[]): readonly Flag[] | undefined {
  const meaning = ({ option }: Flag) =>
    option.envVar ?? (option.required ? `${option.flags} ${option.description}` : option.attributeName());
  if (new Set(flags.map(meaning)).size === 1) return flags;
  const shared = flags.filter(({ option }) => option.envVar !== undefined);
  return new Set(shared.map(meaning)).size === 1 ? shared : undefined;
}

/** Names of the sections down to a command. */
function sectionPath(command: Command): string[] {
  return command.parent ? [...sectionPath(command.parent), command.name()] : [];
}

function ambiguous(name: string, key: string, [first]: readonly Flag[]): string {
  const example = [...sectionPath(first!.command), key].join('.');
  return `  ${name}: It means different things in different commands; set it for one, as ${example}.`;
}

const configured = new WeakSet<Option>();

/** Whether the default of a flag came from a configuration. */
export function isConfigured(option: Option): boolean {
  return configured.has(option);
}

function setDefault({ command, option }: Flag, value: unknown, folder: string): void {
  configured.add(option);
  const parsed = option.required || option.optional ? parseValue(option, value, folder) : parseSwitch(value);
  option.default(parsed);
  command.setOptionValueWithSource(option.attributeName(), parsed, 'default');
}

function parseSwitch(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new Error('It must be true or false.');
}

function parseValue(option: Option, value: unknown, folder: string): unknown {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  // The list of the configuration replaces an earlier value.
  option.default(undefined);
  let parsed: unknown;
  for (const one of values) parsed = parseOne(option, one, parsed, folder);
  if (Array.isArray(value) && !Array.isArray(parsed)) throw new Error('It must be one value, not a list.');
  return parsed;
}

function parseOne(option: Option, value: unknown, before: unknown, folder: string): unknown {
  if (!['string', 'number'].includes(typeof value) && !(value instanceof Date)) {
    throw new Error('It must be a string or a number.');
  }
  const text = value instanceof Date ? value.toISOString() : String(value);
  // Paths are relative to the folder of the configuration.
  const isFile = /<(file|folder)\b/.test(option.flags) && text !== '-' && !text.includes('://');
  const meant = isFile ? resolve(folder, text) : text;
  if (option.parseArg) return option.parseArg(meant, before as never);
  return option.variadic ? [...((before as string[] | undefined) ?? []), meant] : meant;
}

function unknown(name: string, key: string, command: Command, flags: readonly Flag[]): string {
  const known = [
    ...(command.parent === null ? optionSectionNames : []),
    ...flags.map(({ option }) => option.attributeName()),
    ...command.commands.map((child) => child.name()),
  ];
  const [near] = [...new Set(known)]
    .map((candidate) => ({ candidate, letters: distance(candidate, key) }))
    .filter(({ letters }) => letters <= 2)
    .sort((one, other) => one.letters - other.letters);
  return `  ${name}: There is no such key.${near === undefined ? '' : ` Did you mean ${near.candidate}?`}`;
}

/** Levenshtein distance, ignoring case; 3 when the lengths alone differ by more than 2. */
function distance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > 2) return 3;
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...one.toLowerCase()].entries()) {
    const next = [index + 1];
    for (const [column, against] of [...other.toLowerCase()].entries()) {
      const replaced = row[column]! + (letter === against ? 0 : 1);
      next.push(Math.min(replaced, row[column + 1]! + 1, next[column]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}
