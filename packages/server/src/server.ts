import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type ServerType, serve } from '@hono/node-server';
import type { MailBroker } from '@mb/broker';
import { z } from 'zod';
import { Access } from './access.ts';
import { ApiKeys } from './api-keys.ts';
import { ServerError } from './errors.ts';
import { createApp } from './http/app.ts';
import { checkSubmissionOptions, type SubmissionOptions } from './submission/options.ts';
import {
  type SubmissionAddress,
  type SubmissionServer,
  startSubmission,
} from './submission/submission-server.ts';

const optionsSchema = z.strictObject({
  broker: z.custom<MailBroker>(
    (value) => typeof value === 'object' && value !== null,
    'must be a MailBroker with a store',
  ),
  maxMessageBytes: z
    .int()
    .min(1024)
    .max(2 ** 31)
    .default(64 * 1024 * 1024),
  maxInFlight: z.int().min(1).max(100_000).default(256),
  onError: z
    .custom<(error: unknown) => void>((value) => typeof value === 'function', 'must be a function')
    .optional(),
  onWarning: z
    .custom<(text: string) => void>((value) => typeof value === 'function', 'must be a function')
    .optional(),
  now: z.custom<() => number>((value) => typeof value === 'function', 'must be a function').optional(),
});

/** Options of {@link createServer}. */
export interface ServerOptions {
  /** With a store. It stays the caller's: start, stop and close it. */
  readonly broker: MailBroker;
  /** Longest message, in octets; 1,024 to 2,147,483,648, default 67,108,864. JSON bodies may have twice as many. */
  readonly maxMessageBytes?: number | undefined;
  /** Most requests at once; more get 503 with Retry-After. Default 256. */
  readonly maxInFlight?: number | undefined;
  /** Told of failures of the server itself. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Told in a sentence of what an operator should know, such as an address that guesses keys. Default: a process warning. */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Epoch milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** Where to listen. */
export interface ListenOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default `127.0.0.1`: say it when others shall reach the server. */
  readonly host?: string | undefined;
}

/** The broker behind HTTP. */
export interface MailServer {
  /** Answers a request; usable inside other servers. */
  fetch(request: Request): Promise<Response>;
  /** The keys of the API. */
  readonly keys: ApiKeys;
  /**
   * Listens for HTTP.
   *
   * @throws {ServerError} MB_SERVER_LISTEN when the address cannot be used.
   */
  listen(options: ListenOptions): Promise<{ readonly host: string; readonly port: number }>;
  /**
   * Listens for mail by SMTP (RFC 6409): 250 is said when the message is durable.
   *
   * @throws {ServerError} MB_SERVER_OPTION, also for what would be an open relay; MB_SERVER_LISTEN.
   * @example
   * await server.listenSubmission({ security: 'starttls', host: '0.0.0.0', hostname: 'mail.example.com', tls: { key, cert } });
   */
  listenSubmission(options: SubmissionOptions): Promise<SubmissionAddress>;
  /** Takes no more requests, lets those under way end for `graceMs` (default 10,000), and resolves. The broker stays as it is. */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
  /** As {@link MailServer.close}. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Puts a broker behind HTTP.
 *
 * @throws {ServerError} MB_SERVER_OPTION
 * @example
 * const server = createServer({ broker });
 * const { token } = (await server.keys.create({ name: 'shop', scopes: ['send'] }));
 * await server.listen({ port: 8025 });
 */
export function createServer(options: ServerOptions): MailServer {
  const checked = optionsSchema.safeParse(options);
  if (!checked.success) {
    throw new ServerError(
      'MB_SERVER_OPTION',
      'api-misuse',
      `createServer: ${z.prettifyError(checked.error)}`,
    );
  }
  const {
    broker,
    maxMessageBytes,
    maxInFlight,
    onError = warn,
    onWarning = warn,
    now = Date.now,
  } = checked.data;
  const keys = new ApiKeys({ records: broker.records, now, onError });
  const addresses = new WeakMap<Request, string>();
  let draining = false;
  const access = new Access({
    keys,
    onGuessing: (address) => onWarning(`${address} sends wrong API keys; it has to wait now.`),
  });
  const app = createApp({
    broker,
    keys,
    access,
    now,
    maxMessageBytes,
    maxInFlight,
    onError,
    isDraining: () => draining,
    clientAddress: (request) => addresses.get(request),
    version: packageVersion(),
  });
  const listeners = new Set<ServerType>();
  const submissions = new Set<SubmissionServer>();
  const fetch = async (request: Request) => app.fetch(request);
  return {
    fetch,
    keys,
    listen: ({ port, host = '127.0.0.1' }) =>
      new Promise((resolve, reject) => {
        const server = serve({
          port,
          hostname: host,
          fetch: (request, { incoming }) => {
            const address = incoming.socket.remoteAddress;
            if (address !== undefined) addresses.set(request, address);
            return fetch(request);
          },
        });
        server.once('error', (cause: NodeJS.ErrnoException) => {
          const reason = cause.code === 'EADDRINUSE' ? 'another process listens there' : cause.message;
          reject(
            new ServerError('MB_SERVER_LISTEN', 'network', `Cannot listen on ${host}:${port}: ${reason}.`, {
              cause,
            }),
          );
        });
        server.once('listening', () => {
          listeners.add(server);
          const { address, port: actual } = server.address() as AddressInfo;
          resolve({ host: address, port: actual });
        });
      }),
    async listenSubmission(given) {
      const submission = await startSubmission(checkSubmissionOptions(given), {
        broker,
        access,
        maxMessageBytes,
        now,
        onError,
      });
      submissions.add(submission);
      return submission.address;
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };

  async function close({ graceMs = 10_000 }: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    draining = true;
    await Promise.all([
      ...[...listeners].map((server) => closeListener(server, graceMs)),
      ...[...submissions].map((submission) => submission.close(graceMs)),
    ]);
    listeners.clear();
    submissions.clear();
  }
}

function closeListener(server: ServerType, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      if ('closeAllConnections' in server) server.closeAllConnections();
    }, graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    if ('closeIdleConnections' in server) server.closeIdleConnections();
  });
}

function warn(trouble: unknown): void {
  process.emitWarning(trouble instanceof Error ? trouble.message : String(trouble), {
    type: 'MailServerWarning',
  });
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
