import { once } from 'node:events';
import type { MessageView } from '@mb/broker';
import { Command, Option } from 'commander';
import { colors as pc } from '../colors.ts';
import { notice, print, printJson } from '../output.ts';
import { plural } from '../plural.ts';
import { type ServerFlags, serverFlag } from '../remote/server-flag.ts';
import { printable } from '../terminal.ts';
import { formatDistance, formatMoment } from '../time.ts';
import { formatRecipients } from './list.ts';
import { withQueue } from './store.ts';
import { type StoreFlags, storeFlag } from './store-flag.ts';

interface ShowFlags extends StoreFlags, ServerFlags {
  readonly content?: true;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  mb queue show 17 --store queue.db
  mb queue show 17 --content > message.eml

Exit codes: 0 shown, 1 no such message.`;

/** `mb queue show MESSAGE`: prints a message with all its recipients, or its content. */
export function showCommand(): Command {
  return new Command('show')
    .description('show a message with its recipients, or its content')
    .argument('<message>', 'its id in the queue')
    .addOption(storeFlag())
    .addOption(serverFlag())
    .option('--content', 'print the message itself, as it is stored')
    .addOption(new Option('--json', 'print one JSON object').conflicts('content'))
    .addHelpText('after', EXAMPLES)
    .action((id: string, flags: ShowFlags) =>
      withQueue(flags, 'read', async ({ control }) => {
        const message = await control.show(id);
        if (message === null) {
          if (flags.json) printJson(null);
          else notice(`There is no message ${printable(id)} in this queue.`);
          process.exitCode = 1;
        } else if (flags.content) {
          for await (const chunk of control.content(id)) {
            if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
          }
        } else if (flags.json) printJson(message);
        else print(formatMessage(message));
      }),
    );
}

function formatMessage(message: MessageView): string {
  const { messageId, tenant, tag, sender, size, acceptedAt, expiresAt, recipients } = message;
  const facts: readonly (readonly [string, string])[] = [
    ['Message', messageId],
    ['From', `<${sender}>`],
    ['Size', plural(size, 'octet')],
    ['Accepted', `${formatMoment(acceptedAt)} (${formatDistance(acceptedAt)})`],
    ['Expires', `${formatMoment(expiresAt)} (${formatDistance(expiresAt)})`],
    ...(tenant === '' ? [] : [['Tenant', tenant] as const]),
    ...(tag === undefined ? [] : [['Tag', tag] as const]),
  ];
  const lines = facts.map(([name, value]) => `${pc.bold(name.padEnd(8))}  ${printable(value)}`);
  return `${lines.join('\n')}\n\n${formatRecipients(recipients)}`;
}
