import { join } from 'node:path';
import type { Command, Option } from 'commander';
import { configurableFlags, hasOneMeaning, sectionsOf } from '../src/config/apply.ts';
import { createProgram } from '../src/program.ts';

/** The file that is generated. */
export const flagValuesPath = join(import.meta.dirname, '../src/config/flag-values.ts');

/** The line width in biome.json. */
const lineWidth = 110;

const FRONT = `/*
 * The types of the flags that a configuration may set. Generated from the commands by \`pnpm --filter @mb/cli reference\`.
 */

/** A string; a number or Date is converted to one. */
type Value = string | number | Date;
`;

/** Returns the types of all flags as TypeScript, generated from the commands. */
export async function writeFlagValues(): Promise<string> {
  const program = await createProgram();
  const interfaces: string[] = [];
  const flags = configurableFlags(program).filter(({ option }) => hasOneMeaning(program, option));
  writeInterface(
    program,
    'FlagValues',
    flags.map(({ option }) => option),
    interfaces,
  );
  return `${FRONT}${interfaces.reverse().join('')}`;
}

function writeInterface(
  command: Command,
  name: string,
  options: readonly Option[],
  interfaces: string[],
): void {
  const rows = new Map(options.map((option) => [option.attributeName(), row(option, options)]));
  for (const child of sectionsOf(command)) {
    const childName = `${pascal(child.name())}${name}`;
    const flag = options.filter((option) => option.attributeName() === child.name());
    const type = [childName, ...flag.map(typeOf)].join(' | ');
    rows.set(child.name(), field(child.name(), `Flags of \`mb ${pathOf(child)}\` alone.`, type));
    writeInterface(child, childName, child.options, interfaces);
  }
  const doc = command.parent
    ? `Flags of \`mb ${pathOf(command)}\`.`
    : 'Flags of all commands, and a section for each command.';
  const exported = command.parent ? '' : 'export ';
  interfaces.push(`\n/** ${doc} */\n${exported}interface ${name} {\n${[...rows.values()].join('')}}\n`);
}

function row(option: Option, options: readonly Option[]): string {
  const same = options.filter((other) => other.attributeName() === option.attributeName());
  const types = new Set(same.map(typeOf));
  return field(option.attributeName(), `${capitalized(option.description)}.`, [...types].join(' | '));
}

function typeOf(option: Option): string {
  const { required, optional, argChoices, variadic } = option;
  if (!required && !optional) return 'boolean';
  if (argChoices) return argChoices.map((choice) => `'${choice}'`).join(' | ');
  return variadic || takesList(option) ? 'Value | readonly Value[]' : 'Value';
}

/** Whether a flag may be repeated: its parser appends to the earlier values. */
function takesList({ parseArg }: Option): boolean {
  return ['x', '1', '127.0.0.0/8'].some((text) => {
    try {
      const first = parseArg?.(text, undefined);
      const second: unknown = parseArg?.(text, first as never);
      return Array.isArray(second) && second.length === 2;
    } catch {
      return false;
    }
  });
}

function field(name: string, doc: string, type: string): string {
  const key = /^\w+$/.test(name) ? name : `'${name}'`;
  const line = `  readonly ${key}?: ${type} | undefined;\n`;
  // The formatter breaks a long line like this.
  const broken = `  readonly ${key}?:\n${`${type} | undefined`
    .split(' | ')
    .map((one) => `    | ${one}`)
    .join('\n')};\n`;
  return `  /** ${doc} */\n${line.length - 1 > lineWidth ? broken : line}`;
}

function pathOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

function pascal(name: string): string {
  return name.replaceAll(/(?:^|-)(\w)/g, (_all, letter: string) => letter.toUpperCase());
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
