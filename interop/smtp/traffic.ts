import { Readable } from 'node:stream';
import { type ConnectOptions, connect, type SmtpConnection } from '@mb/smtp-client';
import { expect } from 'vitest';

/** A message whose body must pass line-end and dot handling unchanged, identified by `mark`. */
export function uglyMessage(mark: string): Buffer {
  const body = [
    '.',
    '..',
    '.a',
    'b.',
    '',
    ' .',
    'MAIL FROM:<evil@example.org>',
    'From the start',
    'x'.repeat(998),
    '.',
    '',
  ];
  return Buffer.from(
    `Subject: ${mark}\r\nFrom: <a@example.org>\r\nMessage-ID: <${mark}@example.org>\r\n\r\n${body.join('\r\n')}\r\n`,
  );
}

/** The same octets again, a few at a time. */
function streamed(octets: Buffer, pieceOctets: number): Readable {
  const pieces = Array.from({ length: Math.ceil(octets.length / pieceOctets) }, (_, at) =>
    octets.subarray(at * pieceOctets, (at + 1) * pieceOctets),
  );
  return Readable.from(pieces);
}

/** Connects as the suites do. */
export function dial(address: string, options: Partial<ConnectOptions> = {}): Promise<SmtpConnection> {
  return connect({ host: address, hostname: 'client.example.org', ...options });
}

/** Messages that cross each other on one connection, some streamed; every one must be taken. Returns their marks. */
export async function sendMany(
  connection: SmtpConnection,
  to: string,
  count: number,
  prefix: string,
): Promise<string[]> {
  const marks = Array.from({ length: count }, (_, at) => `${prefix}-${at}`);
  const outcomes = await Promise.all(
    marks.map((mark, at) => {
      const octets = uglyMessage(mark);
      return connection.deliver(
        { from: 'a@example.org', to: [to] },
        at % 3 === 2 ? streamed(octets, 700) : octets,
      );
    }),
  );
  for (const { recipients } of outcomes)
    expect(recipients).toMatchObject([{ status: 'delivered', stage: 'final' }]);
  return marks;
}

/** Expects that what was stored is exactly the marked messages, after the header fields that a server adds. */
export function expectStored(stored: readonly Buffer[], marks: readonly string[]): void {
  const bodies = stored.map((message) => message.toString('latin1').replace(/\r?\n/g, '\r\n'));
  expect(bodies).toHaveLength(marks.length);
  for (const mark of marks) {
    const octets = uglyMessage(mark).toString('latin1');
    const found = bodies.filter((body) => body.includes(`Subject: ${mark}\r\n`));
    expect(found).toHaveLength(1);
    expect(found[0]!.endsWith(octets.slice(octets.indexOf('\r\n\r\n')))).toBe(true);
  }
}
