import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The user that the lab's mail servers deliver as. */
export const mailboxUser = 65534;

/** Where below its root a mailbox has its maildir. */
export function maildirOf(mailbox: string): string {
  const at = mailbox.lastIndexOf('@');
  return `${mailbox.slice(at + 1)}/${mailbox.slice(0, at)}/`;
}

/** Messages delivered to a mailbox so far, oldest first. */
export async function readMaildir(root: string, mailbox: string): Promise<Buffer[]> {
  const inbox = join(root, maildirOf(mailbox), 'new');
  const names = (await deliveredNames(root, mailbox)).sort(
    (left, right) => deliveredAt(left) - deliveredAt(right),
  );
  const messages: Buffer[] = [];
  // One file after the other: a mailbox may hold more messages than a process may have open files.
  for (const name of names) messages.push(await readFile(join(inbox, name)));
  return messages;
}

async function deliveredNames(root: string, mailbox: string): Promise<string[]> {
  try {
    return await readdir(join(root, maildirOf(mailbox), 'new'));
  } catch (error) {
    // The server makes the folder with the first message.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Names start with the seconds; `M` and the microseconds follow. */
function deliveredAt(name: string): number {
  return Number(name.split('.')[0]) + Number(/M(\d+)/.exec(name)?.[1] ?? 0) / 1e6;
}

/** Waits until a mailbox holds this many messages; throws after the timeout, with the end of the server's log. */
export async function waitForMaildir(
  root: string,
  mailbox: string,
  count: number,
  log: () => string,
  timeoutMs = 15_000,
): Promise<Buffer[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = (await deliveredNames(root, mailbox)).length;
    if (found >= count) return readMaildir(root, mailbox);
    if (performance.now() > deadline) {
      throw new Error(
        `${mailbox} holds ${found} of ${count} messages after ${timeoutMs} ms:\n${log().slice(-4_000)}`,
      );
    }
    await sleep(25);
  }
}
