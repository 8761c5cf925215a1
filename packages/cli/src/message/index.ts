import { Command } from 'commander';
import { lintCommand } from './lint.ts';
import { showCommand } from './show.ts';

/** `mb message …`: looks into a message that is a file. */
export function messageCommand(): Command {
  return new Command('message')
    .description('look into a message: its parts and defects, and what receivers will think of it')
    .addCommand(showCommand())
    .addCommand(lintCommand());
}
