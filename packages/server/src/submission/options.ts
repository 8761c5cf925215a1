import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { senderDomainPattern } from '../api-keys.ts';
import { optionError } from '../errors.ts';
import {
  group,
  integer,
  list,
  literal,
  matching,
  type OptionTable,
  readOptions,
  required,
  text,
  word,
} from '../option-table.ts';

interface SharedOptions {
  /** Address to listen on. Default 127.0.0.1, which other machines cannot reach. */
  readonly host?: string | undefined;
  /** 0 takes a free one. Default: 587 for `starttls`, 465 for `tls`, 25 for `local`. */
  readonly port?: number | undefined;
  /** Host name in the greeting and in Received fields. */
  readonly hostname: string;
  /** Most connections at once; more are refused with 421. Default 200. */
  readonly maxClients?: number | undefined;
  /** Most recipients of a message; more are refused with 452. Default 1,000. */
  readonly maxRecipients?: number | undefined;
  /** Time after which a silent client is disconnected, in milliseconds; default 300,000 (RFC 5321 §4.5.3.2.7). */
  readonly idleMs?: number | undefined;
}

/** A private key and its certificate chain, as PEM. */
export interface TlsCertificate {
  readonly key: string | Uint8Array;
  readonly cert: string | Uint8Array;
}

/**
 * Submission over TLS by holders of a key with the scope `send`; the token is the password, the user name may be any.
 */
export interface SecureSubmissionOptions extends SharedOptions {
  /** `starttls`: TLS before AUTH (port 587, RFC 6409). `tls`: TLS from the start (port 465, RFC 8314 §3.3). */
  readonly security: 'starttls' | 'tls';
  /** Private key and certificate chain, as PEM. */
  readonly tls: TlsCertificate;
}

/**
 * Submission without a key by programs of this machine: on a loopback address or a Unix socket. All programs that can
 * connect can send, so give a socket a folder that others may not enter.
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

const pem = matching<string | Uint8Array>(
  'a text or octets in PEM (-----BEGIN …)',
  (value) =>
    (typeof value === 'string' || value instanceof Uint8Array) &&
    Buffer.from(value as Uint8Array).includes('-----BEGIN '),
);

/** A host name, or a name within the network. */
export const hostnamePattern = /^(?=.{1,255}$)[A-Za-z0-9][\w-]*(?:\.[\w-]+)*\.?$/;

/** What a certificate accepts. */
export const certificateOptions = {
  key: required(pem),
  cert: required(pem),
} satisfies OptionTable<TlsCertificate>;

const shared = {
  host: text('a host name or an address', { pattern: /^[^\s/]+$/ }),
  port: integer(0, 65_535),
  hostname: required(
    text('a host name such as mail.example.com', {
      pattern: hostnamePattern,
    }),
  ),
  maxClients: integer(1, 100_000, { default: 200 }),
  maxRecipients: integer(1, 65_536, { default: 1000 }),
  idleMs: integer(1000, 3_600_000, { default: 300_000, unit: 'ms' }),
} satisfies OptionTable<SharedOptions>;

/** What each option of submission accepts, by `security`. */
export const submissionOptions = {
  secure: {
    security: required(word(['starttls', 'tls'])),
    tls: required(group<TlsCertificate>(certificateOptions)),
    ...shared,
  } satisfies OptionTable<SecureSubmissionOptions>,
  local: {
    security: required(literal('local')),
    path: text('the path of a socket', { pattern: /^[^\0]+$/ }),
    tenant: text('a name of 1 to 255 characters', { pattern: /^[^\p{Cc}]{1,255}$/u }),
    senderDomains: list(
      text('a domain such as example.com or *.example.com', { pattern: senderDomainPattern }),
      1,
    ),
    ...shared,
  } satisfies OptionTable<LocalSubmissionOptions>,
};

/** Options that were checked. */
export type CheckedSubmissionOptions = ReturnType<typeof checkSubmissionOptions>;

/**
 * Checks the options, also for what would be an open relay: without keys only this machine may connect.
 *
 * @throws {ServerError} MB_SERVER_OPTION
 */
export function checkSubmissionOptions(given: SubmissionOptions) {
  const where = 'listenSubmission: options';
  if (typeof given !== 'object' || given === null) throw optionError(`${where} must be an object.`);
  const { security } = given;
  if (!['starttls', 'tls', 'local'].includes(security)) {
    throw optionError(`${where}.security must be one of "starttls", "tls", "local".`);
  }
  if (security !== 'local') {
    const options = readOptions<SecureSubmissionOptions, typeof submissionOptions.secure>(
      given as SecureSubmissionOptions,
      submissionOptions.secure,
      where,
    );
    checkCertificate(options.tls, `${where}.tls`);
    return options;
  }
  const options = readOptions<LocalSubmissionOptions, typeof submissionOptions.local>(
    given as LocalSubmissionOptions,
    submissionOptions.local,
    where,
  );
  const { path, host, port } = options;
  if (path !== undefined && (host !== undefined || port !== undefined)) {
    throw optionError(`${where}.path is in place of host and port; give one or the other.`);
  }
  if (path === undefined && !isLoopback(host ?? '127.0.0.1')) {
    throw optionError(
      `${where}.host must be a loopback address when no keys are needed, not ${JSON.stringify(host)}: anyone could send.`,
    );
  }
  return options;
}

/** OpenSSL checks here, before a client connects, whether the key and the certificate belong together. */
export function checkCertificate({ key, cert }: TlsCertificate, where: string): void {
  try {
    createSecureContext({ key: key as string, cert: cert as string });
  } catch (cause) {
    throw optionError(
      `${where}: key and cert must be a private key and its certificate: ${(cause as Error).message}.`,
    );
  }
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host === 'localhost';
}
