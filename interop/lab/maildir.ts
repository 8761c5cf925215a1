import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The user whom the lab's mail servers deliver as. */
export const mailboxUser = 65534;

/** Where below its root a mailbox has its maildir. */
export function maildirOf(mailbox: string): string {
  const at = mailbox.lastIndexOf('@');
  return `${mailbox.slice(at + 1)}/${mailbox.slice(0, at)}/`;
}

/** Messages delivered to a mailbox so far, oldest first. */
export async function readMaildir(root: string, mailbox: string): Promise<Buffer[]> {
  const inbox = join(root, maildirOf(mailbox), 'new');
  const names = (await readdir(inbox).catch(() => [])).sort(
    (left, right) => deliveredAt(left) - deliveredAt(right),
  );
  return Promise.all(names.map((name) => readFile(join(inbox, name))));
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
    const found = await readMaildir(root, mailbox);
    if (found.length >= count) return found;
    if (performance.now() > deadline) {
      throw new Error(
        `${mailbox} holds ${found.length} of ${count} messages after ${timeoutMs} ms:\n${log().slice(-4_000)}`,
      );
    }
    await sleep(25);
  }
}
