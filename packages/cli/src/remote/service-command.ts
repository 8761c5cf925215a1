import { Command } from 'commander';
import { storeFlag } from '../queue/store-flag.ts';
import { serverFlag } from './server-flag.ts';

/** Makes a command that works on a queue or a server, and can print JSON. */
export function serviceCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(storeFlag())
    .addOption(serverFlag())
    .option('--json', 'print one JSON object');
}
