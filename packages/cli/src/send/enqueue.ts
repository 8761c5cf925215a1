import { type EnqueueOptions, type EnqueueResult, MailQueue } from '@mb/broker';
import { colors as pc } from '../colors.ts';
import { exitCodeOf } from '../exit-code.ts';
import { print, printJson } from '../output.ts';
import { withStore } from '../queue/store.ts';
import { printable, wrap } from '../terminal.ts';
import { readDkimKey } from './dkim-key.ts';
import type { SendFlags } from './flags.ts';
import type { PreparedMessage } from './prepared-message.ts';

/**
 * `mb send --queue`: stores the message durably; a worker delivers it. With a key it is signed now, otherwise by the
 * worker with its own key.
 */
export async function enqueue(
  { message, messageId, authorDomain }: PreparedMessage,
  flags: SendFlags,
  warn: (text: string) => void,
): Promise<void> {
  const dkim = await readDkimKey(flags, authorDomain, warn);
  const { idempotencyKey } = flags;
  const result = await withStore(flags, 'create', (store) => {
    const queue = new MailQueue({ store, ...(dkim && { dkim }) });
    return queue.enqueue(message, {
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      ...enqueueOptions(flags, dkim !== undefined),
    });
  });
  for (const { message: warning } of result.warnings) warn(warning);
  process.exitCode = exitCodeOf(result.recipients);
  if (flags.json) printJson({ exitCode: process.exitCode, messageId, ...result });
  else if (!flags.quiet) print(describe(result));
}

/** The options of the flags for a message in the queue. */
export function enqueueOptions(
  { notBefore, tenant, tag, requireTls }: SendFlags,
  sign: boolean,
): EnqueueOptions {
  return {
    ...(notBefore && { notBefore }),
    ...(tenant !== undefined && { tenant }),
    ...(tag !== undefined && { tag }),
    delivery: { requireTls: requireTls ?? false, ...(sign && { sign: 'enqueue' as const }) },
  };
}

function describe({ id, duplicate, recipients }: EnqueueResult): string {
  const lines = recipients.flatMap((one) =>
    one.status === 'queued'
      ? [`${pc.green('✓')} ${pc.bold(printable(one.recipient))}  ${duplicate ? 'already queued' : 'queued'}`]
      : [`${pc.red('✗')} ${pc.bold(printable(one.recipient))}  failed`, wrap(printable(one.reason), '    ')],
  );
  const summary =
    id === undefined
      ? 'Nothing was queued: every recipient is suppressed.'
      : duplicate
        ? `Message ${id} with this idempotency key is already in the queue.`
        : `Queued as message ${id}; "mb work" delivers it.`;
  return `${lines.join('\n')}\n\n${summary}\n`;
}
