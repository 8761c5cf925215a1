import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ContentAttachment } from './message.ts';

/** What {@link fileAttachment} may be told about the part. */
export type FileAttachmentOptions = Partial<
  Pick<ContentAttachment, 'filename' | 'contentType' | 'contentId' | 'disposition' | 'headers'>
>;

const BLOCK = 64 * 1024;

/**
 * Makes an attachment of a file; it is opened and streamed each time the message is written.
 *
 * @param path  The file. Nothing else in this package opens a path.
 * @param options  The name defaults to the last part of the path.
 * @returns An attachment with the size of the file now; a file that has another size when it is read fails the message.
 * @throws The error of the file system (ENOENT, EISDIR …) when the file cannot be looked at.
 * @example composeMessage({ from, to, attachments: [await fileAttachment('report.pdf')] })
 */
export async function fileAttachment(
  path: string,
  options: FileAttachmentOptions = {},
): Promise<ContentAttachment> {
  const facts = await stat(path);
  if (!facts.isFile()) throw Object.assign(new Error(`${basename(path)} is no file`), { code: 'EISDIR' });
  return { filename: basename(path), ...options, content: () => readFile(path), size: facts.size };
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path);
  try {
    for (;;) {
      const block = new Uint8Array(BLOCK);
      const { bytesRead } = await handle.read(block, 0, BLOCK);
      if (bytesRead === 0) return;
      yield block.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
