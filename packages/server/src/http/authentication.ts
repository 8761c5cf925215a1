import type { MiddlewareHandler } from 'hono';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { ApiKeys } from '../api-keys.ts';
import type { ApiEnv } from './api.ts';
import { Problem } from './problem.ts';

const defaultRequestsPerMinute = 6000;
/** Wrong keys from one address within a minute, before it has to wait. */
const wrongKeysPerMinute = 10;

/** What authentication takes from outside. */
export interface AuthenticationParts {
  readonly keys: ApiKeys;
  /** Address of the client, for slowing down guesses; undefined when it is not known. */
  readonly clientAddress: (request: Request) => string | undefined;
  /** Told of each address that guesses keys. */
  readonly onGuessing: (address: string) => void;
}

/** Lets requests with a valid key through, at the rate of the key. */
export function authentication({
  keys,
  clientAddress,
  onGuessing,
}: AuthenticationParts): MiddlewareHandler<ApiEnv> {
  const guesses = new RateLimiterMemory({ points: wrongKeysPerMinute, duration: 60 });
  const limiters = new Map<number, RateLimiterMemory>();
  return async (context, next) => {
    const address = clientAddress(context.req.raw) ?? 'unknown';
    const guessed = await guesses.get(address);
    if (guessed !== null && guessed.remainingPoints <= 0) {
      throw tooMany(guessed, 'Too many wrong keys from this address.');
    }
    const token = tokenOf(context.req.header('authorization'));
    const key = token === undefined ? undefined : await keys.verify(token);
    if (!key) {
      if (token !== undefined) {
        const counted = await guesses.penalty(address);
        if (counted.remainingPoints === 0) onGuessing(address);
      }
      throw new Problem(
        401,
        'MB_SERVER_UNAUTHORIZED',
        'This needs a valid key: Authorization: Bearer mb_….',
        {
          headers: { 'www-authenticate': 'Bearer realm="mb"' },
        },
      );
    }
    const quota = key.requestsPerMinute ?? defaultRequestsPerMinute;
    const limiter = limiters.get(quota) ?? new RateLimiterMemory({ points: quota, duration: 60 });
    limiters.set(quota, limiter);
    const left = await limiter.consume(key.id).catch((refused: unknown) => {
      if (refused instanceof RateLimiterRes)
        throw tooMany(refused, 'Too many requests with this key.', quota);
      throw refused;
    });
    context.set('key', key);
    await next();
    for (const [name, value] of Object.entries(rateHeaders(left, quota)))
      context.res.headers.set(name, value);
  };
}

/** RFC 6750 §2.1; the scheme is case-insensitive. */
function tokenOf(header: string | undefined): string | undefined {
  return /^bearer +(\S+)$/i.exec(header ?? '')?.[1];
}

function tooMany(state: RateLimiterRes, detail: string, quota?: number): Problem {
  const seconds = String(Math.ceil(state.msBeforeNext / 1000));
  return new Problem(429, 'MB_SERVER_RATE', `${detail} Try again in ${seconds} s.`, {
    headers: { 'retry-after': seconds, ...(quota !== undefined && rateHeaders(state, quota)) },
  });
}

/** The fields of draft-ietf-httpapi-ratelimit-headers. */
function rateHeaders(
  { remainingPoints, msBeforeNext }: RateLimiterRes,
  quota: number,
): Record<string, string> {
  return {
    'ratelimit-policy': `"key";q=${quota};w=60`,
    ratelimit: `"key";r=${Math.max(0, remainingPoints)};t=${Math.ceil(msBeforeNext / 1000)}`,
  };
}
