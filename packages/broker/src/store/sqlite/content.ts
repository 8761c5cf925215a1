// Not by name: an older Node would fail on the import before it is told what it needs.
import zlib from 'node:zlib';
import { BrokerError } from '../../errors.ts';
import { rowsPerMessage } from './codes.ts';
import type { Sql } from './connection.ts';

/** Content is stored in pieces of this many octets: one is all that a reader or writer has in memory. */
export const chunkBytes = 256 * 1024;

export function insertChunk(sql: Sql, messageId: number, n: number, bytes: Uint8Array): void {
  const insert = 'INSERT INTO mb_content (id, crc, bytes) VALUES (?, ?, ?)';
  sql.run(insert, messageId * rowsPerMessage + n, zlib.crc32(bytes), bytes);
}

export function insertContent(sql: Sql, messageId: number, bytes: Uint8Array): void {
  for (let n = 0; n * chunkBytes < bytes.byteLength; n++) {
    insertChunk(sql, messageId, n, bytes.subarray(n * chunkBytes, (n + 1) * chunkBytes));
  }
}

/** Deletes the content of a message of `size` octets; of one that is not staged to its end, whatever there is. */
export function deleteContent(sql: Sql, messageId: number, size: number): void {
  const first = messageId * rowsPerMessage;
  // By far the most messages are one chunk, which is found without a range.
  if (chunkCount(size) === 1) sql.run('DELETE FROM mb_content WHERE id = ?', first);
  else sql.run('DELETE FROM mb_content WHERE id >= ? AND id < ?', first, first + rowsPerMessage);
}

/** Deletes the content of messages that have one chunk each. */
export function deleteSingleChunks(sql: Sql, messageIds: readonly number[]): void {
  const remove = 'DELETE FROM mb_content WHERE id IN (SELECT value FROM json_each(?))';
  sql.run(remove, JSON.stringify(messageIds.map((id) => id * rowsPerMessage)));
}

const isKept = '(finished IS NULL OR EXISTS (SELECT 1 FROM mb_kept k WHERE k.message = mb_message.id))';

/** The octets of a message whose content is there; undefined when there is none. */
export function storedSize(sql: Sql, messageId: number): number | undefined {
  const select = `SELECT size FROM mb_message WHERE id = ? AND staged = 0 AND ${isKept}`;
  return sql.get<{ size: number }>(select, messageId)?.size;
}

/** Number of chunks of a message of `size` octets. */
export function chunkCount(size: number): number {
  return Math.ceil(size / chunkBytes);
}

/**
 * Chunk `n` of a message, verified.
 * @throws {BrokerError} MB_BROKER_MESSAGE_CORRUPT
 */
export function readChunk(sql: Sql, messageId: number, n: number, size: number): Uint8Array {
  const expected = Math.min(chunkBytes, size - n * chunkBytes);
  const select = 'SELECT crc, bytes FROM mb_content WHERE id = ?';
  let chunk: { crc: number; bytes: Uint8Array } | undefined;
  try {
    chunk = sql.get(select, messageId * rowsPerMessage + n);
  } catch (error) {
    throw corrupt(error);
  }
  if (chunk?.bytes.byteLength !== expected || zlib.crc32(chunk.bytes) !== chunk.crc) throw corrupt();
  return chunk.bytes;
}

function corrupt(cause?: unknown): BrokerError {
  return new BrokerError(
    'MB_BROKER_MESSAGE_CORRUPT',
    'internal',
    'The stored content of this message is damaged. It was not sent; cancel it and send it again.',
    { cause },
  );
}
