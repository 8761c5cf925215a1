// Not by name: an older Node without crc32 would fail on the import, before the version check can say what is needed.
import zlib from 'node:zlib';
import { BrokerError } from '../../errors.ts';
import { rowsPerMessage } from './codes.ts';
import type { Sql } from './connection.ts';

/** Content is stored in chunks of this many octets; a reader or writer has one chunk in memory. */
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

/** Maximum number of chunks that one transaction deletes: the pages of 2 MB are found and freed within milliseconds. */
const mostDeleted = 8;

/** Deletes the content of a message of `size` octets; large content is deleted later, by {@link sweepContent}. */
export function deleteContent(sql: Sql, messageId: number, size: number): void {
  deleteChunks(sql, messageId, chunkCount(size));
}

/** Deletes the chunks of content that was not staged completely. */
export function deletePartialContent(sql: Sql, messageId: number): void {
  const first = messageId * rowsPerMessage;
  const count = 'SELECT count(*) AS chunks FROM mb_content WHERE id >= ? AND id < ?';
  deleteChunks(sql, messageId, sql.get<{ chunks: number }>(count, first, first + rowsPerMessage)!.chunks);
}

function deleteChunks(sql: Sql, messageId: number, chunks: number): void {
  const first = messageId * rowsPerMessage;
  // Nearly all messages have one chunk, which is found without a range.
  if (chunks === 1) sql.run('DELETE FROM mb_content WHERE id = ?', first);
  else if (chunks > mostDeleted)
    sql.run('INSERT INTO mb_unused_content (id) VALUES (?) ON CONFLICT (id) DO NOTHING', messageId);
  else sql.run('DELETE FROM mb_content WHERE id >= ? AND id < ?', first, first + rowsPerMessage);
}

/** Whether {@link sweepContent} has something to delete. */
export function hasUnusedContent(sql: Sql): boolean {
  return sql.get('SELECT 1 FROM mb_unused_content LIMIT 1') !== undefined;
}

/** Deletes the next few chunks of large content that is no longer used. */
export function sweepContent(sql: Sql): void {
  const unused = sql.get<{ id: number }>('SELECT id FROM mb_unused_content LIMIT 1');
  if (!unused) return;
  const first = unused.id * rowsPerMessage;
  const remove = `DELETE FROM mb_content WHERE id IN (
    SELECT id FROM mb_content WHERE id >= ? AND id < ? ORDER BY id LIMIT ${mostDeleted})`;
  if (sql.run(remove, first, first + rowsPerMessage).changes === mostDeleted) return;
  sql.run('DELETE FROM mb_unused_content WHERE id = ?', unused.id);
}

/** Deletes the content of messages that have one chunk each. */
export function deleteSingleChunks(sql: Sql, messageIds: readonly number[]): void {
  const remove = 'DELETE FROM mb_content WHERE id IN (SELECT value FROM json_each(?))';
  sql.run(remove, JSON.stringify(messageIds.map((id) => id * rowsPerMessage)));
}

const isKept = '(finished IS NULL OR EXISTS (SELECT 1 FROM mb_kept k WHERE k.message = mb_message.id))';

/** The size of a message in octets; undefined when its content is not stored. */
export function storedSize(sql: Sql, messageId: number): number | undefined {
  const select = `SELECT size FROM mb_message WHERE id = ? AND staged = 0 AND ${isKept}`;
  return sql.get<{ size: number }>(select, messageId)?.size;
}

/** Number of chunks of a message of `size` octets. */
export function chunkCount(size: number): number {
  return Math.ceil(size / chunkBytes);
}

/**
 * Reads and verifies chunk `n` of a message.
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
