import type { MiddlewareHandler } from 'hono';
import type { Access, Allowance } from '../access.ts';
import type { ApiEnv } from './api.ts';
import { Problem } from './problem.ts';

/** What authentication takes from outside. */
export interface AuthenticationParts {
  readonly access: Access;
  /** Address of the client, for slowing down guesses; undefined when it is not known. */
  readonly clientAddress: (request: Request) => string | undefined;
}

/** Lets requests with a valid key through, at the rate of the key. */
export function authentication({ access, clientAddress }: AuthenticationParts): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const address = clientAddress(context.req.raw) ?? 'unknown';
    const wait = await access.waitSeconds(address);
    if (wait > 0) throw tooMany('Too many wrong keys from this address.', wait);
    const token = tokenOf(context.req.header('authorization'));
    const key = token === undefined ? undefined : await access.identify(token, address);
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
