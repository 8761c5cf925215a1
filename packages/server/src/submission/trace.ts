import { randomUUID } from 'node:crypto';
import { findHeaderEnd, formatDate, parseHeaderBlock } from '@mb/mime';

/** What a Received field says (RFC 5321 §4.4). */
export interface Trace {
  /** What the client called itself. */
  readonly helo: string;
  /** Its address. */
  readonly address: string;
  readonly hostname: string;
  /** `ESMTPSA` and its like (RFC 3848). */
  readonly protocol: string;
  readonly id: string;
  readonly now: number;
}

/** Longest header that is looked at for missing fields; the queue has a limit of its own. */
const maxHeaderBytes = 256 * 1024;

/**
 * The message with a Received field in front (RFC 5321 §4.4), and with Date and Message-ID where they are missing
 * (RFC 6409 §8.2, §8.3).
 */
export async function* withTrace(
  message: AsyncIterable<Uint8Array>,
  trace: Trace,
): AsyncGenerator<Uint8Array> {
  let start = Buffer.alloc(0);
  let looking = true;
  for await (const chunk of message) {
    if (!looking) {
      yield chunk;
      continue;
    }
    // The octets at the end may be part of the empty line.
    const searched = Math.max(0, start.length - 2);
    start = Buffer.concat([start, chunk]);
    const end = findHeaderEnd(start, searched);
    if (end === start.length && end < maxHeaderBytes) continue;
    looking = false;
    yield Buffer.concat([additions(start.subarray(0, end), trace), start]);
    start = Buffer.alloc(0);
  }
  if (looking) yield Buffer.concat([additions(start, trace), start]);
}

function additions(header: Buffer, trace: Trace): Buffer {
  const { headers } = parseHeaderBlock(header);
  const { now, hostname } = trace;
  const fields = [
    received(trace),
    ...(headers.get('date') === undefined ? [`Date: ${formatDate(now)}`] : []),
    ...(headers.get('message-id') === undefined ? [`Message-ID: <${randomUUID()}@${hostname}>`] : []),
  ];
  return Buffer.from(`${fields.join('\r\n')}\r\n`);
}

function received({ helo, address, hostname, protocol, id, now }: Trace): string {
  const from = /^[A-Za-z0-9.:[\]-]{1,255}$/.test(helo) ? helo : 'unknown';
  const ip = address.includes(':') ? `IPv6:${address}` : address;
  return `Received: from ${from} ([${ip}])\r\n\tby ${hostname} with ${protocol} id ${id};\r\n\t${formatDate(now)}`;
}
