import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestkitError } from './errors.ts';
import { callback, integer, type OptionTable, readOptions, text } from './option-table.ts';

/** A call that a {@link WebhookReceiver} received. */
export interface WebhookCall {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Path and query of the URL. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The body as received, decoded as UTF-8: the text that is signed. */
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks at differs from call to call.
  readonly json: any;
}

/** Answers a call: returns a status, or writes to the response itself; if it does neither, there is no answer. */
export type WebhookAnswer = (
  call: WebhookCall,
  response: ServerResponse,
) => number | undefined | Promise<number | undefined>;

/** Options of {@link startWebhookReceiver}. */
export interface WebhookReceiverOptions {
  /** Default `127.0.0.1`. */
  readonly address?: string | undefined;
  /** Default 0, a free port. */
  readonly port?: number | undefined;
  /** Default: status 204 for every call. */
  readonly answer?: WebhookAnswer | undefined;
}

/** The checks of {@link WebhookReceiverOptions}. */
export const webhookReceiverOptions = {
  address: text('an IP address', { default: '127.0.0.1', pattern: /./s }),
  port: integer(0, 65_535, { default: 0 }),
  answer: callback<WebhookAnswer>(),
} satisfies OptionTable<WebhookReceiverOptions>;

/** An HTTP server that records the calls that it receives. */
export interface WebhookReceiver extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123/`. */
  readonly url: string;
  readonly port: number;
  /** All calls so far, in order of arrival. */
  readonly calls: readonly WebhookCall[];
  /** Answers the calls; may be replaced for later ones. */
  answer: WebhookAnswer;
  /**
   * Resolves when `done` returns true for the calls so far.
   *
   * @throws {TestkitError} MB_TESTKIT_WAIT after `timeoutMs`, 5,000 by default.
   */
  until(done: (calls: readonly WebhookCall[]) => boolean, timeoutMs?: number): Promise<void>;
  /** Stops listening and closes all connections. */
  close(): Promise<void>;
}

/**
 * Starts an HTTP server that receives webhooks.
 *
 * @throws {TestkitError} MB_TESTKIT_OPTION for invalid options, MB_TESTKIT_LISTEN if it cannot listen.
 * @example
 * await using receiver = await startWebhookReceiver({ answer: () => 500 });
 * await receiver.until((calls) => calls.length === 2);
 */
export async function startWebhookReceiver(options: WebhookReceiverOptions = {}): Promise<WebhookReceiver> {
  const {
    address,
    port: wanted,
    answer = () => 204,
  } = readOptions<WebhookReceiverOptions, typeof webhookReceiverOptions>(
    options,
    webhookReceiverOptions,
    'startWebhookReceiver: options',
  );
  const calls: WebhookCall[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      // The client disconnected before the end of the request, so there is no call to record.
      return;
    }
    const body = Buffer.concat(chunks).toString();
    const call = { at: Date.now(), path: request.url!, headers: request.headers, body, json: parse(body) };
    calls.push(call);
    const status = await receiver.answer(call, response);
    if (status !== undefined && !response.writableEnded) response.writeHead(status).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new TestkitError('MB_TESTKIT_LISTEN', `Cannot listen on ${address}:${wanted}.`, { cause })),
    );
    server.listen(wanted, address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const receiver: WebhookReceiver = {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${port}/`,
    port,
    calls,
    answer,
    async until(done, timeoutMs = 5_000) {
      for (const end = Date.now() + timeoutMs; !done(calls); await sleep(10)) {
        if (Date.now() > end) {
          throw new TestkitError(
            'MB_TESTKIT_WAIT',
            `Within ${timeoutMs} ms there were ${calls.length} calls, not what was waited for.`,
          );
        }
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return receiver;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
