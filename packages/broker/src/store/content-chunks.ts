import { checkSize } from './new-message.ts';

/**
 * Cuts a stream into pieces of `chunkBytes` octets, the last one shorter. One piece is held in memory.
 *
 * @throws {BrokerError} MB_BROKER_MESSAGE_TOO_LARGE as soon as there are more than `maxBytes`.
 */
export async function* rechunk(
  chunks: AsyncIterable<Uint8Array>,
  chunkBytes: number,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(chunkBytes);
  let used = 0;
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.byteLength;
    checkSize(total, maxBytes);
    for (let at = 0; at < chunk.byteLength; ) {
      const part = chunk.subarray(at, at + chunkBytes - used);
      piece.set(part, used);
      used += part.byteLength;
      at += part.byteLength;
      if (used < chunkBytes) continue;
      yield piece;
      // The reader may still hold the piece that it was given.
      piece = new Uint8Array(chunkBytes);
      used = 0;
    }
  }
  if (used > 0) yield piece.subarray(0, used);
}
