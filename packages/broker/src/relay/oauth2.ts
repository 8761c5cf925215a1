import type { CredentialSource } from '@mb/smtp-client';
import { BrokerError, optionError } from '../errors.ts';
import {
  callback,
  integer,
  matching,
  type OptionTable,
  readOptions,
  required,
  text,
} from '../option-table.ts';

/** An access token, as a token endpoint or a function of the caller gives it. */
export interface AccessToken {
  readonly accessToken: string;
  /** How long it is valid from now, in milliseconds. Default an hour. */
  readonly expiresInMs?: number | undefined;
}

/** Where access tokens come from: a token endpoint with a refresh token, or a function. */
export interface OAuth2Options {
  /** The account, as it is named in AUTH. */
  readonly user: string;
  /** Gives tokens; in place of all options below but `renewBeforeMs`. */
  readonly token?: (() => AccessToken | Promise<AccessToken>) | undefined;
  /** Where tokens are asked for: {@link googleTokenUrl}, {@link microsoftTokenUrl}, or any other https URL. */
  readonly tokenUrl?: string | undefined;
  readonly clientId?: string | undefined;
  /** Public clients have none. */
  readonly clientSecret?: string | undefined;
  /** With it, tokens are asked for by the grant `refresh_token`, else by `client_credentials`. */
  readonly refreshToken?: string | undefined;
  readonly scope?: string | undefined;
  /** Called with a new refresh token, which replaces the old one: keep it. */
  readonly onRefreshToken?: ((refreshToken: string) => void) | undefined;
  /** Time before its expiry at which a token is renewed; default 60,000 ms. */
  readonly renewBeforeMs?: number | undefined;
  /** For tests: default the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** For tests: default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

const nonEmpty = text('a string that is not empty', { pattern: /./s });

/** What `OAuth2Options` accepts. */
export const oauth2Options = {
  user: required(nonEmpty),
  token: callback<NonNullable<OAuth2Options['token']>>(),
  tokenUrl: matching<string>('an https URL', isTokenUrl),
  clientId: nonEmpty,
  clientSecret: nonEmpty,
  refreshToken: nonEmpty,
  scope: nonEmpty,
  onRefreshToken: callback<(refreshToken: string) => void>(),
  renewBeforeMs: integer(0, 3_600_000, { unit: 'ms' }),
  fetch: callback<typeof fetch>(),
  now: callback<() => number>(),
} satisfies OptionTable<OAuth2Options>;

/** The token endpoint of Google accounts. */
export const googleTokenUrl = 'https://oauth2.googleapis.com/token';

/**
 * The token endpoint of a tenant of Microsoft Entra ID.
 *
 * @param tenant  Its id or domain; `common` for accounts of any.
 */
export function microsoftTokenUrl(tenant = 'common'): string {
  return `https://login.microsoftonline.com/${encodeURIComponent(tenant)}/oauth2/v2.0/token`;
}

/** What a token endpoint may take. */
const timeoutMs = 30_000;

/**
 * Makes a source of credentials for the route of a relay that wants OAuth 2.0 (XOAUTH2, OAUTHBEARER).
 *
 * A token is asked for once and used by all connections until shortly before it expires, or until the relay refuses it;
 * callers that need a new one at the same time share one request. While there is no token, mail waits.
 *
 * @throws {BrokerError} MB_BROKER_OPTION
 * @example
 * const credentials = oauth2Credentials({
 *   user: 'shop@example.com', tokenUrl: googleTokenUrl, clientId, clientSecret, refreshToken,
 * });
 * const route = { type: 'smarthost', host: 'smtp.gmail.com', auth: { credentials } };
 */
export function oauth2Credentials(given: OAuth2Options): CredentialSource {
  const options: OAuth2Options = readOptions(given, oauth2Options, 'oauth2Credentials: options');
  if ((options.token === undefined) === (options.tokenUrl === undefined)) {
    throw optionError(
      'oauth2Credentials: options: give either token, a function, or tokenUrl with clientId.',
    );
  }
  const { user, renewBeforeMs = 60_000, now = Date.now } = options;
  let refreshToken = options.refreshToken;
  let current: { readonly accessToken: string; readonly expiresAt: number } | undefined;
  let asking: Promise<void> | undefined;
  const renew = async () => {
    const answer = options.token ? await options.token() : await askEndpoint(options, refreshToken);
    if (typeof answer.accessToken !== 'string' || answer.accessToken === '') {
      throw failed('The function token must give { accessToken }.', false);
    }
    if (
      'refreshToken' in answer &&
      answer.refreshToken !== undefined &&
      answer.refreshToken !== refreshToken
    ) {
      refreshToken = answer.refreshToken as string;
      options.onRefreshToken?.(refreshToken);
    }
    current = { accessToken: answer.accessToken, expiresAt: now() + (answer.expiresInMs ?? 3_600_000) };
  };
  return async ({ refused }) => {
    // The refusal is about the token that was current then; a newer token is tried first.
    const known = current;
    if (refused || !known || known.expiresAt - renewBeforeMs <= now()) {
      asking ??= renew().finally(() => {
        asking = undefined;
      });
      await asking;
    }
    return { user, accessToken: current!.accessToken };
  };
}

interface Answer extends AccessToken {
  readonly refreshToken: string | undefined;
}

/** RFC 6749 §4.4, §6 */
async function askEndpoint(options: OAuth2Options, refreshToken: string | undefined): Promise<Answer> {
  const { tokenUrl, clientId, clientSecret, scope, fetch: ask = fetch } = options;
  const fields: Readonly<Record<string, string | undefined>> = {
    grant_type: refreshToken === undefined ? 'client_credentials' : 'refresh_token',
    refresh_token: refreshToken,
    client_id: clientId,
    client_secret: clientSecret,
    scope,
  };
  const body = new URLSearchParams(
    Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined),
  );
  let response: Response;
  let answer: Readonly<Record<string, unknown>>;
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    response = await ask(tokenUrl!, { method: 'POST', body, signal, redirect: 'error' });
    answer = (await response.json()) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw failed(`The token endpoint cannot be reached: ${(cause as Error).message}`, true, cause);
  }
  const { access_token: accessToken, expires_in: expiresIn, refresh_token: renewed } = answer ?? {};
  if (!response.ok || typeof accessToken !== 'string') {
    // RFC 6749 §5.2: the error is a word; neither tokens nor secrets are in it.
    const word = typeof answer?.error === 'string' ? answer.error.slice(0, 80) : 'no access_token';
    throw failed(`The token endpoint answered ${response.status}: ${word}.`, response.status >= 500);
  }
  return {
    accessToken,
    refreshToken: typeof renewed === 'string' ? renewed : undefined,
    ...(Number.isFinite(Number(expiresIn)) &&
      Number(expiresIn) > 0 && { expiresInMs: Number(expiresIn) * 1000 }),
  };
}

/** http is permitted only on a loopback address. */
function isTokenUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return (
    protocol === 'https:' ||
    (protocol === 'http:' && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname))
  );
}

function failed(message: string, retryable: boolean, cause?: unknown): BrokerError {
  return new BrokerError('MB_BROKER_TOKEN_FAILED', 'network', message, { retryable, cause });
}
