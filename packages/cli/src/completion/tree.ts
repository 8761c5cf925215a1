import type { Command, Option } from 'commander';

/** A flag as shells complete it. */
export interface CompletedFlag {
  /** `--store`, `-f`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** A command as shells complete it. */
export interface CompletedCommand {
  /** `mb queue ls`. */
  readonly path: string;
  readonly children: readonly { readonly name: string; readonly description: string }[];
  readonly flags: readonly CompletedFlag[];
}

/** All commands below one, itself first. */
export function listCommands(command: Command, path = command.name()): CompletedCommand[] {
  const children = command.commands.map((child) => ({
    name: child.name(),
    description: child.description(),
  }));
  const help: CompletedFlag = {
    names: ['--help', '-h'],
    description: 'show help',
    takesValue: false,
    choices: [],
  };
  return [
    { path, children, flags: [...command.options.filter(({ hidden }) => !hidden).map(completedFlag), help] },
    ...command.commands.flatMap((child) => listCommands(child, `${path} ${child.name()}`)),
  ];
}

function completedFlag({ long, short, description, required, optional, argChoices }: Option): CompletedFlag {
  return {
    names: [long, short].filter((name) => name !== undefined && name !== null),
    description,
    takesValue: required || optional,
    choices: argChoices ?? [],
  };
}
