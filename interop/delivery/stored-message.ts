/** Header fields that Postfix and Exim put on top of what they deliver. */
const added = new Set([
  'return-path',
  'x-original-to',
  'delivered-to',
  'received',
  'envelope-to',
  'delivery-date',
]);

/** A message from a mailbox, divided where the part that was sent begins. */
export interface StoredMessage {
  /** The fields that the server added, as text. */
  readonly added: string;
  /** What was sent, with the CRLF line ends that mail stores turn into LF. */
  readonly sent: Buffer;
}

/** Takes the server's own fields off the top of a stored message, and nothing else. */
export function readStoredMessage(stored: Buffer): StoredMessage {
  // Latin-1 keeps every octet.
  const text = stored.toString('latin1');
  let start = 0;
  for (;;) {
    const field = /[^\n]*\n(?:[ \t][^\n]*\n)*/y;
    field.lastIndex = start;
    const match = field.exec(text)?.[0] ?? '';
    if (!added.has(match.slice(0, match.indexOf(':')).toLowerCase())) break;
    start += match.length;
  }
  return {
    added: text.slice(0, start),
    sent: Buffer.from(text.slice(start).replaceAll('\n', '\r\n'), 'latin1'),
  };
}
