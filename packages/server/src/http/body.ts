import { Problem } from './problem.ts';

/**
 * The octets of a body, of which no more is read than is allowed.
 *
 * @throws {Problem} 413
 */
export async function readBounded(request: Request, maxBytes: number): Promise<Uint8Array> {
  refuseLong(request, maxBytes);
  if (request.headers.has('content-length')) {
    // HTTP takes no more of a body than its Content-Length says, and reading it at once costs half as much.
    const octets = new Uint8Array(await request.arrayBuffer());
    if (octets.length > maxBytes) throw tooLong(maxBytes);
    return octets;
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw tooLong(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Refuses a body whose Content-Length is too long, before any of it is read. @throws {Problem} 413 */
export function refuseLong(request: Request, maxBytes: number): void {
  const length = Number(request.headers.get('content-length') ?? 0);
  if (length > maxBytes) throw tooLong(maxBytes);
}

/** The refusal of a body; the connection ends with it, since what is left of the body is not read. */
export function tooLong(maxBytes: number): Problem {
  return new Problem(413, 'MB_BROKER_MESSAGE_TOO_LARGE', `The body may have at most ${maxBytes} octets.`, {
    headers: { connection: 'close' },
  });
}
