import { isAscii } from 'node:buffer';
// Not by name: an older Node without crc32 would fail on the import, before the version check can say what is needed.
import zlib from 'node:zlib';
import { BrokerError, contentGone, type MessageId, rechunk, type StagedContent } from '@mb/broker/store';
import type { Database } from './database.ts';
import { hasContent } from './kept-content.ts';
import { messageRowId } from './recipient-rows.ts';
import { callFunction } from './statement.ts';

/** Content is stored in chunks of this many octets; a reader or writer has one chunk in memory. */
export const chunkBytes = 256 * 1024;

const touchEveryMs = 60_000;

/** Stores content before its message, a chunk at a time. */
export async function stageContent(
  db: Database,
  schema: string,
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  now: number | null,
  signal: AbortSignal | undefined,
): Promise<StagedContent> {
  const write = async (id: string | null, n: number, bytes: Uint8Array | null) => {
    const values = [id, n, bytes && zlib.crc32(bytes), ...storedColumns(bytes), now];
    const [row] = await callFunction<{ stage_v1: string }>(db, schema, 'stage_v1', values);
    return row!.stage_v1;
  };
  /** Updates the time of the content, so that slow content is not purged as abandoned. */
  const touch = async (staged: 1 | 2) => {
    const rows = await db.query(
      `UPDATE ${schema}.message SET staged = $2, size = $3, accepted = ${schema}.time_v1($4)
       WHERE id = $1 AND staged = 1 RETURNING 1`,
      [id, staged, size, now],
    );
    if (rows.length === 0) throw unknownStaged();
    touchedAt = performance.now();
  };
  let id: string | null = null;
  let n = 0;
  let size = 0;
  let touchedAt = performance.now();
  try {
    for await (const piece of rechunk(chunks, chunkBytes, maxBytes)) {
      signal?.throwIfAborted();
      if (id !== null && performance.now() - touchedAt > touchEveryMs) await touch(1);
      id = await write(id, n++, piece);
      size += piece.byteLength;
    }
    id ??= await write(null, 0, null);
    await touch(2);
    return { stagedId: id, size };
  } catch (error) {
    // If this fails too, the content is purged later.
    if (id !== null) await discardContent(db, schema, id).catch(() => {});
    throw error;
  }
}

/** Deletes staged content; does nothing when it was accepted or no longer exists. */
export async function discardContent(db: Database, schema: string, stagedId: string): Promise<void> {
  await db.query(
    `WITH old AS (DELETE FROM ${schema}.message WHERE id = $1 AND staged > 0 RETURNING id)
     DELETE FROM ${schema}.content WHERE message IN (SELECT id FROM old)`,
    [messageRowId(stagedId)],
  );
}

/** The error for staged content that was accepted already, or purged. */
export function unknownStaged(): BrokerError {
  return new BrokerError(
    'MB_BROKER_STAGED_UNKNOWN',
    'api-misuse',
    'This staged content was accepted already, or purged. Stage it again.',
  );
}

/**
 * Reads the octets of a message, verified chunk by chunk.
 *
 * @param keeps  Whether this store keeps content after the last outcome; see {@link hasContent}.
 */
export async function* readContent(
  db: Database,
  schema: string,
  messageId: MessageId,
  keeps: boolean,
): AsyncGenerator<Uint8Array> {
  const id = messageRowId(messageId);
  const [message] = await db.query<{ size: string }>(
    `SELECT size FROM ${schema}.message m WHERE id = $1 AND staged = 0 AND ${hasContent(schema, '$2')}`,
    [id, keeps],
  );
  if (!message) throw contentGone();
  const size = Number(message.size);
  for (let n = 0; n * chunkBytes < size; n++) {
    const [chunk] = await db.query<StoredOctets & { crc: string }>(
      `SELECT crc, ascii, bytes FROM ${schema}.content WHERE message = $1 AND n = $2`,
      [id, n],
    );
    const expected = Math.min(chunkBytes, size - n * chunkBytes);
    const bytes = chunk && storedOctets(chunk);
    if (bytes?.byteLength !== expected || zlib.crc32(bytes) !== Number(chunk!.crc)) throw corrupt();
    yield bytes;
  }
}

/** Octets as they are stored, in one of two columns. */
interface StoredOctets {
  readonly ascii: string | null;
  readonly bytes: Buffer | null;
}

/** The values of the columns `ascii` and `bytes`. */
export function storedColumns(octets: Uint8Array | null): readonly [string | null, Buffer | null] {
  if (!octets) return [null, null];
  const bytes = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  // PostgreSQL's text has no NUL.
  return isAscii(bytes) && !bytes.includes(0) ? [bytes.toString('latin1'), null] : [null, bytes];
}

/** The octets in the columns `ascii` and `bytes`; null when there are none. */
export function storedOctets({ ascii, bytes }: StoredOctets): Buffer | null {
  return ascii === null ? bytes : Buffer.from(ascii, 'latin1');
}

function corrupt(): BrokerError {
  return new BrokerError(
    'MB_BROKER_MESSAGE_CORRUPT',
    'internal',
    'The stored content of this message is damaged. It was not sent; cancel it and send it again.',
  );
}
