import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { addressRefusal, DnsError, guardedLookup } from '@mb/dns';
import { NodemailerBridgeError } from './errors.ts';
import { integer, list, matching, type OptionTable } from './option-table.ts';

/** Which URLs may be fetched, and the limits of size and time. */
export interface RemoteContentOptions {
  /** Non-public CIDR blocks that may be fetched from. Default none. */
  readonly allowAddresses?: readonly string[] | undefined;
  /** Most octets of one URL; default 25 MiB. */
  readonly maxBytes?: number | undefined;
  /** Time limit for one URL including redirects; default 30,000 ms. */
  readonly timeoutMs?: number | undefined;
}

/** The checks of `RemoteContentOptions`. */
export const remoteContentOptions = {
  allowAddresses: list(matching<string>('a CIDR block such as "192.0.2.0/24"', isBlock)),
  maxBytes: integer(1, 2 ** 40, { unit: 'octets' }),
  timeoutMs: integer(1, 2 ** 31 - 1, { unit: 'ms' }),
} satisfies OptionTable<RemoteContentOptions>;

function isBlock(value: unknown): boolean {
  try {
    addressRefusal('192.0.2.1', [value as string]);
    return true;
  } catch {
    return false;
  }
}

const mostRedirects = 5;

/**
 * Fetches a URL from a public IP address. Each connection, also after a redirect, uses the address that was checked.
 *
 * @throws {NodemailerBridgeError} MB_NODEMAILER_CONTENT
 */
export async function fetchContent(
  url: string,
  headers: Readonly<Record<string, string>> | undefined,
  { allowAddresses = [], maxBytes = 25 * 1024 * 1024, timeoutMs = 30_000 }: RemoteContentOptions,
  field: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const ended = signal ? AbortSignal.any([signal, timeout]) : timeout;
  let target = readUrl(url, field);
  let sent = headers;
  for (let redirects = 0; ; redirects++) {
    const response = await open(target, sent, allowAddresses, field, ended);
    const { statusCode = 0, headers: answered } = response;
    if (statusCode >= 300 && statusCode < 400 && answered.location !== undefined) {
      response.destroy();
      if (redirects === mostRedirects) throw failed(field, `${target.origin} redirects too often.`);
      const next = readUrl(answered.location, field, target);
      // Credentials must not be sent to another host.
      if (next.origin !== target.origin) sent = undefined;
      target = next;
      continue;
    }
    if (statusCode !== 200) {
      response.destroy();
      throw failed(field, `${target.origin} answered with status ${statusCode}.`);
    }
    return collect(response, maxBytes, target, field);
  }
}

/** @param base  The URL that redirected to this one. */
function readUrl(text: string, field: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw failed(
    field,
    `${base ? `is redirected by ${base.origin} to what is` : 'is'} not an http or https URL.`,
  );
}

function open(
  url: URL,
  headers: Readonly<Record<string, string>> | undefined,
  allow: readonly string[],
  field: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let lookup: LookupFunction;
  try {
    lookup = guardedLookup(url.hostname, allow);
  } catch (error) {
    return Promise.reject(problemOf(error, field));
  }
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    let outgoing: ClientRequest;
    try {
      outgoing = request(url, { headers: { ...headers }, lookup, signal, agent: false }, resolve);
    } catch (error) {
      // The request has an invalid header field.
      reject(failed(field, `cannot be fetched: ${(error as Error).message}`));
      return;
    }
    // RFC 9110 §15.2.2: such an answer, which was not asked for, ends the request without an error.
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response);
    });
    outgoing.on('error', (error) => {
      if (isRefusal(error)) return reject(problemOf(error, field));
      const reason = signal.aborted && signal.reason instanceof Error ? signal.reason.message : error.message;
      reject(failed(field, `${url.origin} cannot be fetched: ${reason}`, error));
    });
    outgoing.end();
  });
}

async function collect(
  response: IncomingMessage,
  maxBytes: number,
  url: URL,
  field: string,
): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw failed(field, `${url.origin} sends more than ${maxBytes} octets.`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (NodemailerBridgeError.isInstance(error)) throw error;
    throw failed(field, `${url.origin} cannot be fetched: ${(error as Error).message}`, error);
  } finally {
    response.destroy();
  }
  return Buffer.concat(chunks);
}

function isRefusal(error: unknown): error is DnsError {
  return DnsError.isInstance(error) && error.code === 'MB_DNS_ADDRESS_REFUSED';
}

function problemOf(error: unknown, field: string): unknown {
  if (!isRefusal(error)) return error;
  return failed(field, `is not fetched: ${error.message}. Permit it with urls.allowAddresses.`);
}

function failed(field: string, reason: string, cause?: unknown): NodemailerBridgeError {
  return new NodemailerBridgeError('MB_NODEMAILER_CONTENT', 'invalid-input', `${field} ${reason}`, {
    field,
    ...(cause !== undefined && { cause, retryable: true }),
  });
}
