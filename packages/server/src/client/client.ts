/**
 * A typed client of the HTTP API, made from its document: for programs in TypeScript that use a server.
 *
 * @packageDocumentation
 */
import createFetchClient, { type Client } from 'openapi-fetch';
import { callback, type OptionTable, readOptions, required, text } from '../option-table.ts';
import type { components, paths } from './api.ts';

export type { components, paths };

/** A client of the API. */
export type ServerClient = Client<paths>;

/** Which server, and who asks. */
export interface ClientOptions {
  /** Such as `https://mail.example.com`. */
  readonly url: string;
  /** What `mb key new` or POST /v1/keys has shown. */
  readonly token: string;
  /** Default: the platform's. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined;
}

/** What each option of a client accepts. @internal */
export const clientOptions = {
  url: required(
    text('a URL such as https://mail.example.com', { pattern: /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/ }),
  ),
  token: required(text('a token (mb_…)', { pattern: /^[\x21-\x7e]+$/ })),
  fetch: callback<(request: Request) => Promise<Response>>(),
} satisfies OptionTable<ClientOptions>;

/**
 * Makes a client.
 *
 * @throws {ServerError} MB_SERVER_OPTION
 * @returns an object whose `GET`, `POST`, `PATCH` and `DELETE` take a path of the API; each answers `{ data }` or
 *   `{ error }`, where `error` is a problem (RFC 9457) with a `code`. It throws only when the server cannot be reached.
 * @example
 * const mail = createClient({ url: 'https://mail.example.com', token });
 * const { data, error } = await mail.POST('/v1/messages', {
 *   body: { from: 'shop@example.com', to: 'bob@example.org', subject: 'Your order', text: 'Thank you.' },
 *   headers: { 'Idempotency-Key': 'order-17' },
 * });
 * if (error) throw new Error(error.detail);
 */
export function createClient(options: ClientOptions): ServerClient {
  const { url, token, fetch } = readOptions(options, clientOptions, 'createClient: options');
  return createFetchClient<paths>({
    baseUrl: url.replace(/\/$/, ''),
    headers: { authorization: `Bearer ${token}` },
    ...(fetch && { fetch }),
  });
}
