import type { Server } from 'node:net';
import type { SMTPServer } from 'smtp-server';
import { ServerError } from '../errors.ts';

/** Where to listen: an address, or the path of a socket. */
export type SmtpPlace = { readonly host: string; readonly port: number } | { readonly path: string };

/** Listens; gives the socket that does. @throws {ServerError} MB_SERVER_LISTEN */
export async function listenSmtp(server: SMTPServer, place: SmtpPlace): Promise<Server> {
  const where = 'path' in place ? place.path : `${place.host}:${place.port}`;
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'another process listens there' : cause.message;
      reject(
        new ServerError('MB_SERVER_LISTEN', 'network', `Cannot listen on ${where}: ${reason}.`, { cause }),
      );
    };
    server.once('error', fail);
    const ready = () => {
      server.off('error', fail);
      // From here on: a client that goes away is no trouble of ours.
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
