import type { Link, LinkEvents } from './link.ts';

const mediaType = 'application/dns-message';
const maxMessageBytes = 65_535;

/** The part of the standard `fetch` that DNS over HTTPS needs. */
export type FetchFunction = (
  url: string,
  init: {
    method: 'POST';
    headers: Record<string, string>;
    body: Uint8Array;
    redirect: 'manual';
    signal: AbortSignal;
  },
) => Promise<Response>;

/** The `fetch` of the runtime. */
export const globalFetch: FetchFunction = (url, init) => globalThis.fetch(url, init);

/** Sends a query by HTTPS POST (RFC 8484 §4.1). */
export function openHttps(url: string, message: Uint8Array, events: LinkEvents, fetch: FetchFunction): Link {
  const controller = new AbortController();
  let open = true;
  const settle = (report: () => void) => {
    if (open) report();
  };
  postMessage(url, message, controller.signal, fetch).then(
    (octets) => settle(() => events.onMessage(octets)),
    (error: unknown) => settle(() => events.onFailure(failureReason(error))),
  );
  return {
    close() {
      open = false;
      controller.abort();
    },
  };
}

async function postMessage(
  url: string,
  message: Uint8Array,
  signal: AbortSignal,
  fetch: FetchFunction,
): Promise<Uint8Array> {
  // RFC 8484 §4.1: the id is 0, so that HTTP caches work; the answer gets the real id below.
  const body = message.slice();
  body[0] = 0;
  body[1] = 0;
  const headers = { accept: mediaType, 'content-type': mediaType };
  // Cloudflare Workers do not support `redirect: 'error'`.
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
  // Browsers hide the status of a redirect.
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400))
    throw new Error('the server answers with a redirect');
  if (response.status !== 200) throw new Error(`HTTP status ${response.status}`);
  // RFC 8484 §6: the media type of a DNS message.
  if (response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() !== mediaType) {
    throw new Error(`the content type is not ${mediaType}`);
  }
  const octets = await readBounded(response);
  octets.set(message.subarray(0, 2));
  return octets;
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxMessageBytes) throw new Error(`the answer is longer than ${maxMessageBytes} octets`);
  }
  if (length < 12) throw new Error('the answer is shorter than a DNS header');
  return new Uint8Array(Buffer.concat(chunks));
}

function failureReason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return `The HTTPS request failed: ${cause instanceof Error ? cause.message : String(cause)}.`;
}
