import { Argument, Command } from 'commander';
import { print } from '../output.ts';
import { type Shell, writeScript } from './scripts.ts';
import { listCommands } from './tree.ts';

const EXAMPLES = `
Examples:
  eval "$(mb completion bash)"     in ~/.bashrc
  eval "$(mb completion zsh)"      in ~/.zshrc, after compinit
  mb completion fish > ~/.config/fish/completions/mb.fish

Exit codes: 0 written.`;

/** `mb completion SHELL`: the script that completes commands, flags and their choices. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('print the script that completes mb in a shell')
    .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell, _flags: object, command: Command) => {
      print(writeScript(shell, listCommands(command.parent!)));
    });
}
