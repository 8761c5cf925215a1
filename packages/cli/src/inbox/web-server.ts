import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CliError } from '../errors.ts';
import { codesOf, type InboxMailbox, type KeptMessage, linksOf, type MessageFilter } from './mailbox.ts';
import { inboxPage } from './page.ts';
import { type InboxScript, readScript } from './script.ts';

/** What the page and the API show and change. */
export interface WebParts {
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly mailbox: InboxMailbox;
  readonly script: { current: InboxScript };
}

/** The page of the inbox, and its HTTP API. */
export interface WebServer {
  readonly port: number;
  close(): Promise<void>;
}

const maxBodyBytes = 64 * 1024;
const longestWaitMs = 60_000;

/** Starts the server. @throws {CliError} MB_CLI_LISTEN */
export async function startWebServer(parts: WebParts): Promise<WebServer> {
  const ending = new AbortController();
  const server: Server = createServer((request, response) => {
    void answer(request, response, parts, ending.signal).catch(() => {
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { error: 'The inbox could not answer.' });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `The page cannot listen on ${parts.host} port ${parts.port}: ${cause.message}. Give another --ui-port.`;
      reject(new CliError('MB_CLI_LISTEN', message, { cause }));
    });
    server.listen(parts.port, parts.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      ending.abort();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  parts: WebParts,
  ending: AbortSignal,
): Promise<void> {
  // Long because it has one case for each route.
  if (!isOwnHost(request.headers.host)) {
    sendJson(response, 403, {
      error:
        'Use an IP address or localhost as the host name: with another name, another site could read the mail.',
    });
    return;
  }
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const method = request.method ?? 'GET';
  // A page of another site needs a CORS preflight to send this type, and none is granted.
  if (method !== 'GET' && !/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    sendJson(response, 415, { error: 'Send content-type: application/json.' });
    return;
  }
  const [, id, part, index] =
    /^\/api\/messages\/(\d{1,12})(?:\/(html|source|attachments|cid)(?:\/([^/]+))?)?$/.exec(pathname) ?? [];
  if (id !== undefined && method === 'GET') {
    const message = parts.mailbox.get(Number(id));
    if (!message) sendJson(response, 404, { error: `There is no message ${id}.` });
    else sendPart(response, message, part, index);
    return;
  }
  switch (`${method} ${pathname}`) {
    case 'GET /': {
      const nonce = randomBytes(16).toString('base64');
      const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
      send(response, 200, 'text/html; charset=utf-8', inboxPage(nonce), {
        'content-security-policy': policy,
      });
      return;
    }
    case 'GET /api/messages':
      sendJson(response, 200, { messages: parts.mailbox.list(filterOf(searchParams)).map(summaryOf) });
      return;
    case 'GET /api/messages/wait': {
      const timeoutMs = Math.min(Number(searchParams.get('timeoutMs') ?? 5_000) || 0, longestWaitMs);
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      const found = await parts.mailbox.wait(
        filterOf(searchParams),
        timeoutMs,
        AbortSignal.any([gone.signal, ending]),
      );
      if (found) sendJson(response, 200, detailOf(found));
      else
        sendJson(response, 404, {
          error: `No such message within ${timeoutMs} ms.`,
          messages: parts.mailbox.list({}).map(summaryOf),
        });
      return;
    }
    case 'DELETE /api/messages':
      parts.mailbox.clear();
      sendJson(response, 200, { messages: [] });
      return;
    case 'GET /api/script':
      sendJson(response, 200, parts.script.current);
      return;
    case 'PUT /api/script': {
      const script = readScript(await readJson(request));
      if (typeof script === 'string') sendJson(response, 400, { error: script });
      else {
        parts.script.current = script;
        sendJson(response, 200, script);
      }
      return;
    }
    default:
      sendJson(response, 404, { error: `There is no ${method} ${pathname}.` });
  }
}

/** Whether the Host field names this machine: under any other name, another site could read mail (DNS rebinding). */
function isOwnHost(host: string | undefined): boolean {
  return /^(?:localhost|\d+(?:\.\d+){3}|\[[\da-f:.]+\])(?::\d+)?$/i.test(host ?? '');
}

function filterOf(parameters: URLSearchParams): MessageFilter {
  const value = (name: string) => parameters.get(name) ?? undefined;
  return { to: value('to'), from: value('from'), subject: value('subject') };
}

function summaryOf({ id, report }: KeptMessage) {
  const { at, sender, recipients, subject, size } = report;
  return { id, at, sender, recipients, subject, size };
}

function detailOf(kept: KeptMessage) {
  const { message, report, lint } = kept;
  const { text, html, attachments } = message;
  return {
    ...summaryOf(kept),
    text,
    html,
    attachments: attachments.map(({ filename, contentType, content }) => ({
      filename,
      contentType,
      size: content?.length ?? 0,
    })),
    verdicts: report.verdicts,
    defects: report.defects,
    lint,
    links: linksOf(message),
    codes: codesOf(message),
  };
}

function sendPart(
  response: ServerResponse,
  kept: KeptMessage,
  part: string | undefined,
  index: string | undefined,
): void {
  const { message, arrival, id } = kept;
  if (part === undefined) sendJson(response, 200, detailOf(kept));
  else if (part === 'source') send(response, 200, 'text/plain; charset=utf-8', arrival.octets, sandboxed);
  else if (part === 'html' && message.html !== undefined) {
    const html = message.html.replace(
      /\bcid:([^"'\s)>]+)/gi,
      (_, cid: string) => `/api/messages/${id}/cid/${encodeURIComponent(cid)}`,
    );
    send(response, 200, 'text/html; charset=utf-8', html, sandboxed);
  } else sendAttachment(response, message.attachments, part, index ?? '');
}

/** @param part  `cid` for a picture of the HTML by its Content-ID, `attachments` for a download by index. */
function sendAttachment(
  response: ServerResponse,
  attachments: KeptMessage['message']['attachments'],
  part: string,
  index: string,
): void {
  const picture =
    part === 'cid' ? attachments.find(({ contentId }) => contentId === decoded(index)) : undefined;
  const attachment =
    picture ?? (part === 'attachments' && /^\d{1,6}$/.test(index) ? attachments[Number(index)] : undefined);
  if (!attachment) {
    sendJson(response, 404, { error: 'The message has no such part.' });
    return;
  }
  const { contentType, content = new Uint8Array() } = attachment;
  if (picture && /^image\/(?:png|jpeg|gif|webp|avif|bmp)$/i.test(contentType)) {
    send(response, 200, contentType, content, sandboxed);
    return;
  }
  const name = encodeURIComponent((attachment.filename ?? 'attachment').toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
  // RFC 8187 §3.2
  const disposition = { 'content-disposition': `attachment; filename*=UTF-8''${name}` };
  send(response, 200, 'application/octet-stream', content, { ...sandboxed, ...disposition });
}

/** Content of a message runs no script, sends no form and loads nothing except its own pictures. */
const sandboxed = {
  'content-security-policy':
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:",
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(value));
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': type,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}
