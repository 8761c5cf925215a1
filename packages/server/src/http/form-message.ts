import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { Busboy } from '@fastify/busboy';
import type { Attachment } from '@mb/mime';
import { tooLong } from './body.ts';
import { Problem } from './problem.ts';

/** Most files of one form. */
const maxFiles = 100;

/** A message as `multipart/form-data` (RFC 7578) brings it. */
export interface FormMessage extends AsyncDisposable {
  /** The field `message`: JSON. */
  readonly json: string;
  /** The files of the form, in its order; they are in temporary files until the form is disposed. */
  readonly attachments: readonly Attachment[];
}

/**
 * Reads a form in constant memory.
 *
 * A file becomes an attachment; one whose field is `cid:` and a Content-ID becomes an inline part for such links of the
 * HTML.
 *
 * @throws {Problem} 400 for a broken form, 413 for one that is too long, 422 for wrong fields.
 */
export async function readFormMessage(request: Request, maxBytes: number): Promise<FormMessage> {
  const folder = await mkdtemp(join(tmpdir(), 'mb-form-'));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    return { ...(await readForm(request, folder, maxBytes)), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error instanceof Problem ? error : brokenForm(error);
  }
}

/** Resolves or throws when no file is written to any more. */
async function readForm(request: Request, folder: string, maxBytes: number) {
  const form = new Busboy({
    headers: { 'content-type': request.headers.get('content-type') ?? '' },
    // A path in a name becomes harmless, with a warning, when the message is composed.
    preservePath: true,
    limits: { files: maxFiles, fields: 10, fieldSize: maxBytes, fieldNameSize: 200 },
  });
  const attachments: Attachment[] = [];
  const writing: Promise<void>[] = [];
  let json: string | undefined;
  const end = new AbortController();
  const { signal } = end;
  form.on('field', (name, value, _nameTruncated, truncated) => {
    if (name !== 'message')
      end.abort(wrongForm(name, 'is unknown; the form has a field "message" and files'));
    else if (truncated) end.abort(tooLong(maxBytes));
    else if (json !== undefined) end.abort(wrongForm(name, 'is given more than once'));
    else json = value;
  });
  form.on('file', (name, stream, filename, _encoding, contentType) => {
    const path = join(folder, String(writing.length));
    attachments.push(attachmentOf(name, filename, contentType, path));
    const written = pipeline(stream, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
    // A full disk also ends the reading.
    writing.push(written.catch((error: unknown) => end.abort(error)));
  });
  form.on('filesLimit', () => end.abort(wrongForm('files', `are more than ${maxFiles}`)));
  let isRead = false;
  // QUIRK(busboy): a boundary within the header of a part makes it wait without a limit.
  const endIfStuck = async () => {
    for (let known = -1; known !== writing.length; ) {
      known = writing.length;
      await Promise.all(writing);
      // What is left to do then takes a few turns of the event loop.
      for (let turns = 0; turns < 4; turns++) await setImmediate();
    }
    if (!isRead) end.abort(brokenForm(new Error('it ends within the header of a part')));
  };
  try {
    await pipeline(Readable.from(request.body ?? []), bounded(maxBytes, endIfStuck), form, { signal });
    isRead = true;
  } catch (error) {
    end.abort(error);
  }
  await Promise.all(writing);
  if (signal.aborted) throw signal.reason;
  if (json === undefined) throw wrongForm('message', 'is missing: the message as JSON, without the files');
  return { json, attachments };
}

function attachmentOf(
  name: string,
  filename: string | undefined,
  contentType: string,
  path: string,
): Attachment {
  const cid = name.startsWith('cid:') ? name.slice('cid:'.length) : undefined;
  return {
    // Opened when the octets are needed; with an idempotency key they are read twice.
    content: () => createReadStream(path),
    ...(filename !== undefined && filename !== '' && { filename }),
    // Browsers send this type for files that they do not know; the extension says more.
    ...(contentType !== 'application/octet-stream' && { contentType }),
    ...(cid !== undefined && { contentId: cid }),
  };
}

/** @param onEnd  Called when all octets were read and passed on. */
function bounded(maxBytes: number, onEnd: () => Promise<void>): Transform {
  let length = 0;
  return new Transform({
    flush(done) {
      done();
      void onEnd();
    },
    transform(chunk: Uint8Array, _encoding, done) {
      length += chunk.length;
      done(length > maxBytes ? tooLong(maxBytes) : null, chunk);
    },
  });
}

function wrongForm(path: string, message: string): Problem {
  return new Problem(422, 'MB_SERVER_SCHEMA', `The form is wrong: ${path} ${message}.`, {
    errors: [{ path, message }],
  });
}

function brokenForm(cause: unknown): Problem {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new Problem(400, 'MB_SERVER_BODY', `The form cannot be read: ${said}.`, { cause });
}
