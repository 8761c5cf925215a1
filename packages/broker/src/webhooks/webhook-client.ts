import type { Agent as HttpAgent, IncomingMessage } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { addressRefusal, DnsError, guardedLookup, type Resolver } from '@mb/dns';
import { BrokerError } from '../errors.ts';
import { printableText } from '../printable-text.ts';

/** What {@link WebhookClient} takes from outside. */
export interface WebhookClientParts {
  readonly resolver: Resolver;
  /** CIDR blocks that may be called although they are not public. */
  readonly allowAddresses: readonly string[];
  /** Time for one call. */
  readonly timeoutMs: number;
  /** Certificates to trust instead of the system's, in PEM. */
  readonly ca?: string | undefined;
}

/** The result of a call. */
export interface CallResult {
  readonly succeeded: boolean;
  readonly status?: number;
  readonly durationMs: number;
  /** One sentence; only for failures. */
  readonly error?: string;
  /** The beginning of the body of a failure. */
  readonly answer?: string;
  /** Set when the endpoint asked for a pause (429 or 503 with Retry-After). */
  readonly retryAfterMs?: number;
}

/** Octets of an answer that are read; a connection with more is closed. */
const mostAnswerBytes = 16 * 1024;
/** Time for the rest of an answer, once its status is known. */
const answerMs = 1_000;
const shownAnswer = 200;
const longestRetryAfterMs = 3_600_000;

/**
 * Calls endpoints. The address that is connected to is one that was checked; redirects are not followed; of the answer
 * only the beginning is read. It has connections of its own: make one for each endpoint.
 */
export class WebhookClient {
  readonly #parts: WebhookClientParts;
  #agents: { readonly http: HttpAgent; readonly https: HttpsAgent } | undefined;

  constructor(parts: WebhookClientParts) {
    this.#parts = parts;
  }

  /**
   * Checks whether an endpoint may be called.
   *
   * @throws {BrokerError} MB_BROKER_WEBHOOK_URL when its host has an address that is not permitted, or none.
   */
  async check(url: string): Promise<void> {
    const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
    try {
      const lookup = this.#lookup(new URL(url));
      // An address is not looked up; it was checked just now.
      if (isIP(host)) return;
      await new Promise<void>((resolve, reject) => {
        lookup(host, { all: true }, (error) => (error ? reject(error) : resolve()));
      });
    } catch (cause) {
      const { message } = cause as Error;
      const refused = isRefusal(cause);
      throw new BrokerError(
        'MB_BROKER_WEBHOOK_URL',
        'invalid-input',
        refused
          ? `The host of the webhook must not be called: ${message}. Name another host, or permit the address with webhooks.allowAddresses.`
          : `The host of the webhook cannot be found: ${message} Check its name, or try again later.`,
        { cause, retryable: !refused, field: 'url' },
      );
    }
  }

  /** Makes one call. A failure is a result, not an exception. */
  async post(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<CallResult> {
    const begun = performance.now();
    const timeout = AbortSignal.timeout(this.#parts.timeoutMs);
    const ended = AbortSignal.any([signal, timeout]);
    const durationMs = () => Math.round(performance.now() - begun);
    for (let tries = 1; ; tries++) {
      const sent = { reused: false };
      try {
        const response = await this.#send(new URL(url), headers, body, ended, sent);
        const answer = await readBeginning(response);
        return { ...resultOf(response, answer), durationMs: durationMs() };
      } catch (error) {
        // The other side may have closed an idle connection just before it was used.
        if (sent.reused && tries === 1 && !ended.aborted) continue;
        const why = timeout.aborted
          ? `There was no answer within ${this.#parts.timeoutMs} ms.`
          : reasonOf(error as NodeJS.ErrnoException);
        return { succeeded: false, durationMs: durationMs(), error: why };
      }
    }
  }

  /** Closes all connections. */
  close(): void {
    this.#agents?.http.destroy();
    this.#agents?.https.destroy();
  }

  /** Made for the first call. An import of these modules would take a tenth of a second, most of it for WebSocket. */
  #connections() {
    const { ca } = this.#parts;
    const http = process.getBuiltinModule('node:http');
    const https = process.getBuiltinModule('node:https');
    this.#agents ??= {
      http: new http.Agent({ keepAlive: true, maxFreeSockets: 8 }),
      https: new https.Agent({ keepAlive: true, maxFreeSockets: 8, ...(ca !== undefined && { ca }) }),
    };
    return { http, https, agents: this.#agents };
  }

  async #send(
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
    sent: { reused: boolean },
  ): Promise<IncomingMessage> {
    const lookup = this.#lookup(url);
    const protocol = url.protocol === 'https:' ? 'https' : 'http';
    const connections = this.#connections();
    const options = {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      lookup,
      signal,
      agent: connections.agents[protocol],
    };
    return new Promise((resolve, reject) => {
      const request = connections[protocol].request(url, options, resolve);
      request.on('error', (error) => {
        sent.reused = request.reusedSocket;
        reject(error);
      });
      // RFC 9110 §15.2.2: such an answer, which was not asked for, ends the request without an error.
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve(response);
      });
      request.end(body);
    });
  }

  /** @throws {DnsError} MB_DNS_ADDRESS_REFUSED for an address in the URL. */
  #lookup(url: URL): LookupFunction {
    const { allowAddresses: allow, resolver } = this.#parts;
    if (url.protocol === 'https:') return guardedLookup(url.hostname, allow, resolver);
    // Without TLS only within our own network: events name recipients.
    const refusalOf = (address: string) =>
      addressRefusal(address, allow) ??
      (addressRefusal(address) === undefined
        ? `${address} is public, and http: is not encrypted`
        : undefined);
    return guardedLookup(url.hostname, refusalOf, resolver);
  }
}

function isRefusal(error: unknown): boolean {
  return DnsError.isInstance(error) && error.code === 'MB_DNS_ADDRESS_REFUSED';
}

/** The beginning of an answer. A connection whose answer is long or slow is not used again. */
async function readBeginning(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => response.destroy(), answerMs);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      chunks.push(chunk);
      if (size > mostAnswerBytes) break;
    }
  } catch {
    // The status was there, and it decides.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString('utf8', 0, shownAnswer * 4);
}

function resultOf(
  { statusCode: status = 0, headers }: IncomingMessage,
  answer: string,
): Omit<CallResult, 'durationMs'> {
  if (status >= 200 && status < 300) return { succeeded: true, status };
  const redirects = status >= 300 && status < 400;
  const retryAfterMs = status === 429 || status === 503 ? readRetryAfter(headers['retry-after']) : undefined;
  return {
    succeeded: false,
    status,
    error: redirects
      ? `The endpoint redirects with status ${status}, which is not followed; give its final URL.`
      : `The endpoint answered with status ${status}.`,
    ...(answer !== '' && { answer: printableText(answer).slice(0, shownAnswer) }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** RFC 9110 §10.2.3: seconds, or a date; at most an hour. */
function readRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const delayMs = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return delayMs > 0 ? Math.min(delayMs, longestRetryAfterMs) : undefined;
}

/** Such as "The endpoint cannot be reached: connect ECONNREFUSED 127.0.0.1:9". */
function reasonOf(error: NodeJS.ErrnoException): string {
  if (isRefusal(error)) return `The endpoint must not be called: ${error.message}.`;
  const [inner] = error instanceof AggregateError ? (error.errors as Error[]) : [error];
  return `The endpoint cannot be reached: ${printableText((inner ?? error).message).slice(0, shownAnswer)}.`;
}
