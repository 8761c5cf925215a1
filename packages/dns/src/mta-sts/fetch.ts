import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { type Clock, clockRow, systemClock } from '../clock.ts';
import { normalizeDomain } from '../domain.ts';
import { abortError, throwIfAborted } from '../errors.ts';
import { resolveHost } from '../host-addresses.ts';
import { checkText, integer, list, type OptionTable, readOptions, signal, text } from '../option-table.ts';
import { printable } from '../printable.ts';
import { checkResolver, type Resolver } from '../resolver.ts';
import { type MtaStsPolicy, parseMtaStsPolicy } from './policy.ts';

/** The result of fetching a policy, a union on `status`. */
export type MtaStsFetch =
  | { readonly status: 'fetched'; readonly policy: MtaStsPolicy; readonly problems: readonly string[] }
  | { readonly status: 'failed'; readonly cause: MtaStsFetchFailure; readonly reason: string };

/**
 * Why a policy could not be fetched: the host has no usable address (`address`), or what failed was the connection
 * (`network`), the certificate or handshake (`tls`), the status (`http`), the media type (`content-type`), the size
 * (`size`), the time (`timeout`) or the text (`syntax`).
 */
export type MtaStsFetchFailure =
  | 'address'
  | 'network'
  | 'tls'
  | 'http'
  | 'content-type'
  | 'size'
  | 'timeout'
  | 'syntax';

/** Options of `fetchMtaStsPolicy`. */
export interface MtaStsFetchOptions {
  /** Overall timeout in milliseconds. Default 60,000. */
  readonly timeoutMs?: number | undefined;
  /** Certificate authorities in PEM instead of the system's, for tests. */
  readonly ca?: string | undefined;
  /** Port of the policy host, for tests. Default 443. */
  readonly port?: number | undefined;
  /** CIDR blocks to allow although they are not public; see `findMailRoute`. */
  readonly allowAddresses?: readonly string[] | undefined;
  /** Source of time. Default: the clock of the machine. */
  readonly clock?: Clock | undefined;
  /** Aborts the call with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link MtaStsFetchOptions} accepts. */
export const mtaStsFetchOptions = {
  timeoutMs: integer(1, 600_000, { default: 60_000, unit: 'ms' }),
  ca: text('certificates in PEM'),
  port: integer(1, 65_535, { default: 443 }),
  allowAddresses: list(text('a CIDR block')),
  clock: clockRow,
  signal: signal(),
} satisfies OptionTable<MtaStsFetchOptions>;

/** RFC 8461 §3.3: a larger policy may be refused. */
const maxPolicyBytes = 65_536;

class FetchFailure extends Error {
  readonly failure: MtaStsFetchFailure;

  constructor(failure: MtaStsFetchFailure, reason: string) {
    super(reason);
    this.failure = failure;
  }
}

/**
 * Fetches the policy of a domain from `https://mta-sts.<domain>/.well-known/mta-sts.txt` (RFC 8461 §3.3). The certificate
 * must be valid for that name; the response must have status 200, type text/plain and at most 64 KiB.
 *
 * @param resolver  Looks up the policy host. Private addresses are refused, so that the DNS of another domain cannot make
 *   this machine connect to its own network.
 * @throws {DnsError} MB_DNS_ABORTED, MB_DNS_OPTION.
 * @example
 * const fetched = await fetchMtaStsPolicy('example.org', createResolver());
 * if (fetched.status === 'fetched') console.log(fetched.policy.mode, fetched.policy.mx);
 */
export async function fetchMtaStsPolicy(
  domain: string,
  resolver: Resolver,
  given: MtaStsFetchOptions = {},
): Promise<MtaStsFetch> {
  const options = readOptions(given, mtaStsFetchOptions, 'fetchMtaStsPolicy: options');
  checkText(domain, 'fetchMtaStsPolicy: domain');
  checkResolver(resolver, 'fetchMtaStsPolicy');
  throwIfAborted(options.signal);
  const name = normalizeDomain(domain);
  if (name === undefined) {
    return { status: 'failed', cause: 'address', reason: `${printable(domain)} is not a domain name.` };
  }
  const { timeoutMs, port } = options;
  const host = `mta-sts.${name}`;
  const controller = new AbortController();
  const onAbort = () => controller.abort();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const cancel = (options.clock ?? systemClock).setTimer(() => controller.abort(), timeoutMs);
  try {
    const lookup = await lookupPolicyHost(host, resolver, options.allowAddresses, controller.signal);
    const text = await download({ host, port, lookup, ca: options.ca, signal: controller.signal });
    const parsed = parseMtaStsPolicy(text);
    if (!parsed.ok)
      throw new FetchFailure('syntax', `The policy of ${name} is invalid: ${parsed.problems[0]}`);
    return { status: 'fetched', policy: parsed.policy, problems: parsed.problems };
  } catch (error) {
    if (options.signal?.aborted) throw abortError(options.signal);
    if (controller.signal.aborted) {
      return {
        status: 'failed',
        cause: 'timeout',
        reason: `${host} did not deliver its policy within ${timeoutMs} ms.`,
      };
    }
    if (error instanceof FetchFailure)
      return { status: 'failed', cause: error.failure, reason: error.message };
    return { status: 'failed', ...describeError(error as NodeJS.ErrnoException, host) };
  } finally {
    cancel();
    options.signal?.removeEventListener('abort', onAbort);
  }
}

/** Makes a lookup function with the checked addresses of the host, so that the connection uses only these. */
async function lookupPolicyHost(
  host: string,
  resolver: Resolver,
  allow: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<LookupFunction> {
  const found = await resolveHost(host, resolver, { random: Math.random, allow, families: [4, 6], signal });
  const [first] = found.addresses;
  if (first === undefined) {
    const why = found.temporary?.reason ?? found.refused[0]?.reason ?? `${host} has no address.`;
    throw new FetchFailure('address', why);
  }
  return (_name, { all }, callback) => {
    if (all) callback(null, [...found.addresses]);
    else callback(null, first.address, first.family);
  };
}

interface Download {
  readonly host: string;
  readonly port: number;
  readonly lookup: LookupFunction;
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
}

async function download({ host, port, lookup, ca, signal }: Download): Promise<string> {
  // Loaded here: node:https takes a third of the load time of this package.
  const [{ request }, { checkServerIdentity }] = await Promise.all([
    import('node:https'),
    import('node:tls'),
  ]);
  const options: RequestOptions = {
    host,
    port,
    path: '/.well-known/mta-sts.txt',
    method: 'GET',
    headers: { accept: 'text/plain', 'accept-encoding': 'identity' },
    agent: false,
    lookup,
    signal,
    servername: host,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    checkServerIdentity: (name, certificate) =>
      checkServerIdentity(name, certificate) ?? checkPolicyHost(name, certificate),
    ...(ca === undefined ? {} : { ca }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(options, (response) => {
      readPolicyText(response).then(resolve, (error: unknown) => {
        outgoing.destroy();
        reject(error);
      });
    });
    outgoing.on('error', reject);
    // RFC 9110 §15.2.2: such an answer, which was not asked for, ends the request without an error.
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      reject(wrongStatus(response));
    });
    outgoing.end();
  });
}

/**
 * RFC 8461 §3.3: the name must be in subjectAltName, not only in the common name, and a wildcard must be the whole
 * leftmost label.
 */
function checkPolicyHost(host: string, certificate: PeerCertificate): Error | undefined {
  const parent = host.slice(host.indexOf('.') + 1);
  const names = (certificate.subjectaltname ?? '').split(', ').map((entry) => entry.toLowerCase());
  if (names.includes(`dns:${host}`) || names.includes(`dns:*.${parent}`)) return undefined;
  return new Error(`The certificate is not for ${host}.`);
}

function wrongStatus({ statusCode = 0 }: IncomingMessage): FetchFailure {
  return new FetchFailure('http', `The policy host answered with status ${statusCode}.`);
}

async function readPolicyText(response: IncomingMessage): Promise<string> {
  const { statusCode, headers } = response;
  // RFC 8461 §3.3: redirects are not followed; every status except 200 is a failure.
  if (statusCode !== 200) throw wrongStatus(response);
  const mediaType = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'text/plain') {
    throw new FetchFailure('content-type', 'The policy host did not send text/plain.');
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > maxPolicyBytes)
      throw new FetchFailure('size', `The policy is larger than ${maxPolicyBytes} octets.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function describeError(
  error: NodeJS.ErrnoException,
  host: string,
): { cause: MtaStsFetchFailure; reason: string } {
  const code = error.code ?? '';
  const isTls =
    /CERT|SIGNATURE|ISSUER|ALTNAME|SSL|TLS|EPROTO|UNABLE_TO/.test(code) || /certificate/i.test(error.message);
  if (isTls) return { cause: 'tls', reason: `${host} has no valid certificate: ${error.message}` };
  return { cause: 'network', reason: `${host} cannot be reached (${code === '' ? error.message : code}).` };
}
