import type { MiddlewareHandler } from 'hono';
import { Problem } from './problem.ts';

/** Refuses requests beyond a number at once, so that memory stays bounded; streams of events do not count. */
export class LoadGuard {
  readonly #max: number;
  #inFlight = 0;

  constructor(max: number) {
    this.#max = max;
  }

  middleware(): MiddlewareHandler {
    return async (context, next) => {
      if (context.req.path === '/v1/events/stream') return next();
      if (this.#inFlight >= this.#max) {
        throw new Problem(
          503,
          'MB_SERVER_BUSY',
          'The server has too many requests just now. Nothing was accepted.',
          {
            headers: { 'retry-after': '1' },
          },
        );
      }
      this.#inFlight++;
      try {
        return await next();
      } finally {
        this.#inFlight--;
      }
    };
  }
}
