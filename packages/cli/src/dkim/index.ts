import { Command } from 'commander';
import { checkCommand } from './check.ts';
import { keygenCommand } from './keygen.ts';
import { signCommand } from './sign.ts';
import { type DkimTerminal, dkimTerminal } from './terminal.ts';
import { verifyCommand } from './verify.ts';

/** `mb dkim …`: generates, checks and uses DKIM keys. */
export function dkimCommand(terminal: DkimTerminal = dkimTerminal): Command {
  return new Command('dkim')
    .description('generate DKIM keys, sign and verify messages, check published keys')
    .addCommand(keygenCommand(terminal))
    .addCommand(signCommand(terminal))
    .addCommand(verifyCommand(terminal))
    .addCommand(checkCommand(terminal));
}
