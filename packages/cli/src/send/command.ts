import { Command } from 'commander';
import { addSendFlags, type SendFlags } from './flags.ts';

const EXAMPLES = `
Examples:
  mb send --from ann@example.com --to bob@example.org --subject Hi --text 'Hello Bob'
  fortune | mb send -f ann@example.com -t bob@example.org -s 'Thought of the day'
  mb send -f ann@example.com -t bob@example.org -s Report --html-file report.html \\
      --inline logo.png --attach report.pdf --dkim-key dkim.pem --dkim-selector 2026
  MB_RELAY_USER=ann MB_RELAY_PASSWORD=… mb send --relay smtp.example.net:587 --eml message.eml
  mb send --eml message.eml --dry-run
  mb send --eml message.eml --watch
  mb send --eml message.eml --dev 127.0.0.1:2525
  mb send --eml message.eml --queue --store queue.db --idempotency-key order-17
  mb send -f ann@example.com -t bob@example.org -s Lunch --edit
  mb send --eml message.eml --envelope-to bob@example.org --json | jq .recipients[].status

Mail merge:
  mb send --to-file people.csv -f ann@example.com -s 'Hello {{name|you}}' \\
      --text-file letter.txt --dry-run
  mb send --to-file people.csv --to '{{first}} {{last}} <{{address}}>' -f ann@example.com \\
      -s News --html-file news.html --unsubscribe 'https://example.com/u/{{id}}' --one-click

The first row of the CSV names the columns. {{column}} works in the subject, the bodies, the values
of --header and --unsubscribe, and the name in --to; {{column|text}} has a default for rows without
a value. The whole file is checked before anything is sent. The results are written to a file beside
it: the same command again skips rows that are done, and tries deferred rows again.
Ctrl-C stops the run after the rows in progress.

Each recipient gets one attempt. With --queue, a worker delivers later and repeats failed attempts.
Exit codes, the highest that applies:
  0   all delivered, or queued
  1   some deferred: try again later
  2   some refused, or suppressed with --queue: trying again does not help
  3   unknown for some: they may have received the message; sending again may deliver it twice
  64  a flag, address, key, row or message is wrong, or no message was written; nothing was sent
  130 a mail merge was stopped; the same command continues it

Environment variables set the defaults of flags that name one, and secrets: MB_DKIM_KEY (PEM text),
MB_DKIM_PASSPHRASE, MB_RELAY_USER and MB_RELAY_PASSWORD.`;

/** `mb send`: composes or reads a message, signs and delivers it, and prints the outcome of every recipient. */
export function sendCommand(): Command {
  const command = new Command('send')
    .description('send a message, or one for each row of a file, directly to mail exchangers')
    .addHelpText('after', EXAMPLES);
  return addSendFlags(command).action(async (flags: SendFlags, self: Command) => {
    // Loaded here: help needs only the flags.
    const { send } = await import('./send.ts');
    await send(flags, self);
  });
}
