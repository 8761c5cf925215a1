import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Access, Allowance } from '../access.ts';
import type { ApiKey } from '../api-keys.ts';
import type { Sessions } from '../sessions.ts';
import type { ApiEnv } from './api.ts';
import { Problem } from './problem.ts';

/** What authentication takes from outside. */
export interface AuthenticationParts {
  readonly access: Access;
  readonly sessions: Sessions;
  /** Address of the client, for slowing down guesses; undefined when it is not known. */
  readonly clientAddress: (request: Request) => string | undefined;
}

/** The cookie of a session. */
export const sessionCookie = 'mb_session';
/**
 * The header that a request with a cookie must have when it changes something. A page of another site cannot send it:
 * the browser would ask first (a CORS preflight), and this server allows no other origin.
 */
export const requestHeader = 'x-mb-request';

/** Lets requests with a valid key or session through, at the rate of the key. */
export function authentication(parts: AuthenticationParts): MiddlewareHandler<ApiEnv> {
  const { access, clientAddress } = parts;
  return async (context, next) => {
    const address = clientAddress(context.req.raw) ?? 'unknown';
    const wait = await access.waitSeconds(address);
    if (wait > 0) throw tooMany('Too many wrong keys from this address.', wait);
    const authorization = context.req.header('authorization');
    const token = tokenOf(authorization);
    const key =
      authorization === undefined
        ? await keyOfSession(context, parts)
        : token && (await access.identify(token, address));
    if (!key) {
      throw new Problem(
        401,
        'MB_SERVER_UNAUTHORIZED',
        'This needs a valid key: Authorization: Bearer mb_….',
        {
          headers: { 'www-authenticate': 'Bearer realm="mb"' },
        },
      );
    }
    const allowance = await access.count(key);
    if (!allowance.allowed) {
      throw tooMany('Too many requests with this key.', allowance.resetSeconds, rateHeaders(allowance));
    }
    context.set('key', key);
    await next();
    for (const [name, value] of Object.entries(rateHeaders(allowance))) context.res.headers.set(name, value);
  };
}

/** The key of the session whose cookie came along. @throws {Problem} 403 for a change without the header. */
async function keyOfSession(
  context: Context<ApiEnv>,
  { sessions }: AuthenticationParts,
): Promise<ApiKey | undefined> {
  const value = getCookie(context, sessionCookie);
  const session = value === undefined ? undefined : await sessions.verify(value);
  if (!session) return undefined;
  if (!['GET', 'HEAD'].includes(context.req.method) && context.req.header(requestHeader) === undefined) {
    throw new Problem(
      403,
      'MB_SERVER_CSRF',
      `A change with a session needs the header ${requestHeader}, so that no other site can make it.`,
    );
  }
  context.set('session', session);
  return session.key;
}

/** RFC 6750 §2.1; the scheme is case-insensitive. */
function tokenOf(header: string | undefined): string | undefined {
  return /^bearer +(\S+)$/i.exec(header ?? '')?.[1];
}

function tooMany(detail: string, seconds: number, headers: Record<string, string> = {}): Problem {
  return new Problem(429, 'MB_SERVER_RATE', `${detail} Try again in ${seconds} s.`, {
    headers: { 'retry-after': String(seconds), ...headers },
  });
}

/** The fields of draft-ietf-httpapi-ratelimit-headers. */
function rateHeaders({ perMinute, remaining, resetSeconds }: Allowance): Record<string, string> {
  return {
    'ratelimit-policy': `"key";q=${perMinute};w=60`,
    ratelimit: `"key";r=${remaining};t=${resetSeconds}`,
  };
}
