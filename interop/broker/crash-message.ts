import { createHash } from 'node:crypto';

/** Mailboxes of the lab's servers; the last exists nowhere. */
export const mailboxes = [
  'ann@north.test',
  'bob@north.test',
  'cleo@west.test',
  'dan@hill.test',
  'eve@south.test',
  'finn@sea.test',
  'gus@south.test',
  'hal@east.test',
] as const;
export const unknownMailbox = 'nobody@north.test';

/** A message of the crash test, as it follows from its name: `life/index`. */
export interface CrashMessage {
  readonly to: readonly string[];
  readonly raw: Buffer;
}

/** Makes the message with this name. The sender and the test each make it again from the name. */
export function crashMessage(name: string): CrashMessage {
  const random = numbersFrom(name);
  const integer = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  // Exim forks for each message, so it gets fewer.
  const draw = () => (random() < 0.05 ? 'hal@east.test' : pick(mailboxes.slice(0, -1)));
  const to: string[] = [...new Set(Array.from({ length: integer(1, 3) }, draw))];
  if (random() < 0.05) to.push(unknownMailbox);
  const lines = random() < 0.04 ? integer(1_500, 3_000) : integer(1, 80);
  const header = [
    `X-Crash: ${name}`,
    'From: desk@example.com',
    `To: ${to.join(', ')}`,
    `Subject: Message ${name}`,
    `Message-ID: <${name.replace('/', '.')}@example.com>`,
    'Date: Sun, 22 Nov 2026 01:00:00 +0000',
  ];
  // Some lines begin with a dot, some are empty.
  const body = Array.from({ length: lines }, (_, line) => {
    const start = pick(['', '.', '..', '>From ']);
    return `${start}${line} of ${name} ${'x'.repeat(integer(0, 60))}`.slice(0, random() < 0.1 ? 0 : 78);
  });
  return { to, raw: Buffer.from(`${[...header, '', ...body, 'The end.'].join('\r\n')}\r\n`) };
}

/**
 * The same numbers in [0, 1) for the same name. The testkit has a better source, whose package starts too slowly to be
 * started so often.
 */
function numbersFrom(name: string): () => number {
  const octets = createHash('shake256', { outputLength: 65_536 }).update(name).digest();
  let at = 0;
  return () => {
    at = (at + 2) % octets.length;
    return octets.readUInt16BE(at) / 65_536;
  };
}
