import type { Server } from 'node:net';
import type { SMTPServer, SMTPServerDataStream } from 'smtp-server';
import { listenError } from '../errors.ts';
import { replyOf, SubmissionReply } from './reply.ts';

/** Where to listen: an address, or the path of a socket. */
export type SmtpPlace = { readonly host: string; readonly port: number } | { readonly path: string };

/** Listens; gives the socket that does. @throws {ServerError} MB_SERVER_LISTEN */
export async function listenSmtp(server: SMTPServer, place: SmtpPlace): Promise<Server> {
  const where = 'path' in place ? place.path : `${place.host}:${place.port}`;
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => reject(listenError(where, cause));
    server.once('error', fail);
    const ready = () => {
      server.off('error', fail);
      // From here on an error is that of a client that went away, which is not reported.
      server.on('error', () => {});
      resolve();
    };
    if ('path' in place) server.listen(place.path, ready);
    else server.listen(place.port, place.host, ready);
  });
  return server.server;
}

/** Takes no more connections, and ends those that there are after `graceMs`. */
export async function closeSmtp(server: SMTPServer, graceMs: number): Promise<void> {
  server.options.closeTimeout = graceMs;
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

/** What smtp-server calls when a message was taken or refused. */
type Answer = (error: Error | null, text?: string) => void;

/** Answers the end of a message with a text, or with the refusal that an error means. */
export function answerData(
  taken: Promise<string>,
  stream: SMTPServerDataStream,
  { answer, onError }: { readonly answer: Answer; readonly onError: (error: unknown) => void },
): void {
  taken.then(
    (text) => answer(null, text),
    (error) => {
      const reply = replyOf(error);
      if (reply.responseCode === 451) onError(reply.cause ?? reply);
      // Octets that are not read would be taken for commands.
      stream.resume();
      answer(reply);
    },
  );
}

/** smtp-server only notes that a message is too large; the reply must say what was done. */
export async function* bounded(stream: SMTPServerDataStream, maxBytes: number): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes)
      throw new SubmissionReply(552, `5.3.4 The message has more than ${maxBytes} octets`);
    yield chunk;
  }
}
