import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { checkOptions, checkText, type OptionTable, object, word } from './argument.ts';
import type { ContentAttachment } from './message.ts';

/** What {@link fileAttachment} may be told about the part. */
export type FileAttachmentOptions = Partial<
  Pick<ContentAttachment, 'filename' | 'contentType' | 'contentId' | 'disposition' | 'headers'>
>;

/** What {@link FileAttachmentOptions} accept. @internal */
export const fileAttachmentOptions = {
  filename: checkText,
  contentType: checkText,
  contentId: checkText,
  disposition: /* @__PURE__ */ word('attachment', 'inline'),
  headers: object,
} satisfies OptionTable<FileAttachmentOptions>;

/** Octets read at a time: small, since the engine frees blocks late, and five chunks of base64 without a rest. */
const BLOCK = 15_960;

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
  checkText(path, 'fileAttachment: path');
  checkOptions(options, fileAttachmentOptions, 'fileAttachment: options');
  const facts = await stat(path);
  if (!facts.isFile()) throw Object.assign(new Error(`${basename(path)} is no file`), { code: 'EISDIR' });
  const filename = options.filename ?? basename(path);
  return { ...options, filename, content: () => readFile(path), size: facts.size };
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path);
  try {
    let block = await readBlock(handle);
    while (block.length > 0) {
      // While the block is encoded and sent, the next one comes.
      const next = readBlock(handle);
      next.catch(() => undefined); // reported below, unless the reader has stopped
      yield block;
      block = await next;
    }
  } finally {
    // It waits for a read under way.
    await handle.close();
  }
}

async function readBlock(handle: FileHandle): Promise<Uint8Array> {
  const block = new Uint8Array(BLOCK);
  const { bytesRead } = await handle.read(block, 0, BLOCK);
  return block.subarray(0, bytesRead);
}
