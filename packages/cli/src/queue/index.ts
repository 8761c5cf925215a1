import { Command } from 'commander';
import { changeCommand } from './change.ts';
import { exportCommand } from './export.ts';
import { listCommand } from './list.ts';
import { migrateCommand } from './migrate.ts';
import { showCommand } from './show.ts';
import { resumeCommand, suspendCommand } from './sites.ts';
import { statsCommand } from './stats.ts';

/** `mb queue …`: shows and changes a queue, also while a worker runs on it. */
export function queueCommand(): Command {
  return new Command('queue')
    .description('show and change a queue, also while a worker runs')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(changeCommand('hold'))
    .addCommand(changeCommand('release'))
    .addCommand(changeCommand('cancel'))
    .addCommand(changeCommand('retry'))
    .addCommand(suspendCommand())
    .addCommand(resumeCommand())
    .addCommand(statsCommand())
    .addCommand(exportCommand())
    .addCommand(migrateCommand());
}
