import { Command } from 'commander';
import { lintCommand } from './lint.ts';
import { showCommand } from './show.ts';

/** `mb message …`: shows and checks a message in a file. */
export function messageCommand(): Command {
  return new Command('message')
    .description('show the parts and defects of a message, and what receivers require of it')
    .addCommand(showCommand())
    .addCommand(lintCommand());
}
