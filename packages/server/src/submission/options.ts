import { isIP } from 'node:net';
import { z } from 'zod';
import { ServerError } from '../errors.ts';

const pem = z.union([z.string().min(1), z.instanceof(Uint8Array)]);
const word = z.string().min(1).max(255);

const shared = {
  host: z.string().min(1).optional(),
  port: z.int().min(0).max(65_535).optional(),
  hostname: word,
  maxClients: z.int().min(1).max(100_000).default(200),
  maxRecipients: z.int().min(1).max(65_536).default(1000),
  idleMs: z.int().min(1000).max(3_600_000).default(300_000),
};
const tls = z.strictObject({ key: pem, cert: pem });

const schema = z.discriminatedUnion('security', [
  z.strictObject({ security: z.enum(['starttls', 'tls']), tls, ...shared }),
  z.strictObject({
    security: z.literal('local'),
    path: z.string().min(1).optional(),
    tenant: word.optional(),
    senderDomains: z.array(word).min(1).optional(),
    ...shared,
  }),
]);

interface SharedOptions {
  /** Address to listen on. Default 127.0.0.1; say it when others shall reach the server. */
  readonly host?: string | undefined;
  /** 0 takes a free one. Default: 587 for `starttls`, 465 for `tls`, 25 for `local`. */
  readonly port?: number | undefined;
  /** What the server calls itself in its greeting and in Received fields. */
  readonly hostname: string;
  /** Most connections at once; more are refused with 421. Default 200. */
  readonly maxClients?: number | undefined;
  /** Most recipients of a message; more are refused with 452. Default 1,000. */
  readonly maxRecipients?: number | undefined;
  /** A client that is silent for so long is disconnected; milliseconds, default 300,000 (RFC 5321 §4.5.3.2.7). */
  readonly idleMs?: number | undefined;
}

/** Submission over TLS by holders of a key with the scope `send`; the token is the password, the user name is free. */
export interface SecureSubmissionOptions extends SharedOptions {
  /** `starttls`: TLS before AUTH (port 587, RFC 6409). `tls`: TLS from the start (port 465, RFC 8314 §3.3). */
  readonly security: 'starttls' | 'tls';
  /** Private key and certificate chain, as PEM. */
  readonly tls: { readonly key: string | Uint8Array; readonly cert: string | Uint8Array };
}

/**
 * Submission without a key by programs of this machine: on a loopback address or a Unix socket. Everybody who can connect
 * can send, so give a socket a folder that others may not enter.
 */
export interface LocalSubmissionOptions extends SharedOptions {
  readonly security: 'local';
  /** Path of a Unix socket, in place of host and port. */
  readonly path?: string | undefined;
  /** Whose mail it is. */
  readonly tenant?: string | undefined;
  /** Domains that authors and return paths may have. Default: any. */
  readonly senderDomains?: readonly string[] | undefined;
}

/** How to take mail by SMTP. */
export type SubmissionOptions = SecureSubmissionOptions | LocalSubmissionOptions;

/** Options that were checked. */
export type CheckedSubmissionOptions = z.infer<typeof schema>;

/**
 * Checks the options, also for what would be an open relay: without keys only this machine may connect.
 *
 * @throws {ServerError} MB_SERVER_OPTION
 */
export function checkSubmissionOptions(given: SubmissionOptions): CheckedSubmissionOptions {
  const checked = schema.safeParse(given);
  if (!checked.success) throw wrong(z.prettifyError(checked.error));
  const options = checked.data;
  if (options.security !== 'local') return options;
  if (options.path !== undefined && (options.host !== undefined || options.port !== undefined)) {
    throw wrong('path is in place of host and port; give one or the other');
  }
  const { host = '127.0.0.1' } = options;
  if (options.path === undefined && !isLoopback(host)) {
    throw wrong(
      `without keys it listens on a loopback address or a Unix socket only, not on ${host}: anybody could send`,
    );
  }
  return options;
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host === 'localhost';
}

function wrong(what: string): ServerError {
  return new ServerError('MB_SERVER_OPTION', 'api-misuse', `listenSubmission: ${what}.`);
}
