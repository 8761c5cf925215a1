import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { checkOptions, checkText, type OptionTable, object, word } from './argument.ts';
import type { ContentAttachment } from './message.ts';

/** Options of {@link fileAttachment}. */
export type FileAttachmentOptions = Partial<
  Pick<ContentAttachment, 'filename' | 'contentType' | 'contentId' | 'disposition' | 'headers'>
>;

/** The checks of {@link FileAttachmentOptions}. @internal */
export const fileAttachmentOptions = {
  filename: checkText,
  contentType: checkText,
  contentId: checkText,
  disposition: /* @__PURE__ */ word('attachment', 'inline'),
  headers: object,
} satisfies OptionTable<FileAttachmentOptions>;

/** Octets per read: small, since the engine frees blocks late, and exactly five chunks of base64. */
const BLOCK = 15_960;

/**
 * Creates an attachment from a file, which is opened and streamed each time the message is written.
 *
 * @param path  Path of the file. No other function of this package opens files.
 * @param options  `filename` defaults to the last segment of the path.
 * @returns An attachment with the current size of the file. If the file has another size when the message is written,
 *   that fails with MB_MIME_CONTENT_LENGTH.
 * @throws The file system's error (ENOENT, EISDIR …) if the path does not exist or is not a file.
 * @throws {MimeError} MB_MIME_OPTION for invalid options.
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
      // Read the next block while this one is encoded and sent.
      const next = readBlock(handle);
      next.catch(() => undefined); // reported below, unless the reader has stopped
      yield block;
      block = await next;
    }
  } finally {
    // Waits for a pending read.
    await handle.close();
  }
}

async function readBlock(handle: FileHandle): Promise<Uint8Array> {
  const block = new Uint8Array(BLOCK);
  const { bytesRead } = await handle.read(block, 0, BLOCK);
  return block.subarray(0, bytesRead);
}
