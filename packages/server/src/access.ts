import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { ApiKey, ApiKeys } from './api-keys.ts';

const defaultRequestsPerMinute = 6000;
/** Wrong keys from one address within a minute, before it has to wait. */
const wrongKeysPerMinute = 10;

/** What is left of an allowance of requests a minute. */
export interface Allowance {
  readonly allowed: boolean;
  readonly perMinute: number;
  readonly remaining: number;
  /** Seconds until it is full again. */
  readonly resetSeconds: number;
}

/** What access takes from outside. */
export interface AccessParts {
  readonly keys: ApiKeys;
  /** Called with each address that guesses keys. */
  readonly onGuessing: (address: string) => void;
}

/** Who may use the server and how often, by HTTP and by SMTP. */
export class Access {
  readonly #parts: AccessParts;
  readonly #guesses = new RateLimiterMemory({ points: wrongKeysPerMinute, duration: 60 });
  readonly #limiters = new Map<number, RateLimiterMemory>();

  constructor(parts: AccessParts) {
    this.#parts = parts;
  }

  /** Seconds that an address has to wait after wrong keys; 0 when it need not wait. */
  async waitSeconds(address: string): Promise<number> {
    const guessed = await this.#guesses.get(address);
    return guessed !== null && guessed.remainingPoints <= 0 ? Math.ceil(guessed.msBeforeNext / 1000) : 0;
  }

  /** The key of a token; undefined when it is wrong, which counts against the address. */
  async identify(token: string, address: string): Promise<ApiKey | undefined> {
    const key = await this.#parts.keys.verify(token);
    if (key) return key;
    const { remainingPoints } = await this.#guesses.penalty(address);
    if (remainingPoints === 0) this.#parts.onGuessing(address);
    return undefined;
  }

  /** Counts a request of a key. */
  async count({ id, requestsPerMinute: perMinute = defaultRequestsPerMinute }: ApiKey): Promise<Allowance> {
    const limiter =
      this.#limiters.get(perMinute) ?? new RateLimiterMemory({ points: perMinute, duration: 60 });
    this.#limiters.set(perMinute, limiter);
    const state = await limiter.consume(id).catch((refused: unknown) => {
      if (refused instanceof RateLimiterRes) return refused;
      throw refused;
    });
    return {
      allowed: state.consumedPoints <= perMinute,
      perMinute,
      remaining: Math.max(0, state.remainingPoints),
      resetSeconds: Math.ceil(state.msBeforeNext / 1000),
    };
  }
}
