import { aliasLoop, failedAnswer, readAnswer } from './answer.ts';
import { checkRecordType } from './argument.ts';
import type { AnswerCache } from './cache.ts';
import type { Clock } from './clock.ts';
import { normalizeName } from './domain.ts';
import { driveExchange, type OpenLink } from './drive.ts';
import { abortError, DnsError, throwIfAborted } from './errors.ts';
import type { ExchangeOutcome } from './exchange.ts';
import { readOptions } from './option-table.ts';
import { printable } from './printable.ts';
import type { RecordType } from './record.ts';
import {
  type Answer,
  type FailureScope,
  isTemporary,
  type QueryOptions,
  queryOptions,
  type Resolver,
} from './resolver.ts';
import { Semaphore } from './semaphore.ts';
import type { ServerSet } from './server-address.ts';

/** RFC 1034 §3.6.2 sets no limit; common resolvers have this one. */
const maxAliases = 16;

/** For this time after a good answer, a server is assumed to be reachable. */
const aliveMs = 60_000;

/** Configuration of a {@link CachingResolver}. */
export interface ResolverConfig {
  /** The servers to ask now. */
  readonly servers: () => ServerSet;
  readonly timeoutMs: number;
  readonly attemptTimeoutMs: number;
  readonly maxConcurrent: number;
  readonly clock: Clock;
  /** Opens a link to a server for one query. */
  readonly openLink: OpenLink;
}

/** A lookup in progress, with the number of callers that wait for it. */
interface Flight {
  readonly answer: Promise<Answer>;
  readonly controller: AbortController;
  waiting: number;
}

/** A resolver that answers from its cache, or asks servers over the given links. */
export class CachingResolver implements Resolver {
  readonly #config: ResolverConfig;
  readonly #cache: AnswerCache | undefined;
  readonly #flights = new Map<string, Flight>();
  readonly #semaphore: Semaphore;
  /** When a server last gave a good answer, epoch milliseconds. */
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(config: ResolverConfig, cache: AnswerCache | undefined) {
    this.#config = config;
    this.#cache = cache;
    this.#semaphore = new Semaphore(config.maxConcurrent);
  }

  async query<T extends RecordType>(name: string, type: T, options?: QueryOptions): Promise<Answer<T>> {
    const { signal } = readOptions(options, queryOptions, 'query: options');
    checkRecordType(type);
    const normal = normalizeName(name);
    if (normal === undefined) {
      throw new DnsError(
        'MB_DNS_NAME_INVALID',
        `${printable(name)} is not a domain name that can be asked for.`,
      );
    }
    const cached = this.#cache?.get(normal, type, this.#config.clock.now());
    if (cached !== undefined) return cached as Answer<T>;
    throwIfAborted(signal);
    return this.#share(normal, type, signal) as Promise<Answer<T>>;
  }

  /** Forgets all cached answers. */
  clearCache(): void {
    this.#cache?.clear();
  }

  /** Shares one lookup among equal questions; it is aborted when the last caller has aborted. */
  #share(name: string, type: RecordType, signal: AbortSignal | undefined): Promise<Answer> {
    const key = `${type} ${name}`;
    let flight = this.#flights.get(key);
    if (flight === undefined) {
      const controller = new AbortController();
      const answer = this.#lookup(name, type, controller.signal).finally(() => this.#land(key, controller));
      // When all callers have aborted, the rejection has no handler.
      answer.catch(() => {});
      flight = { answer, controller, waiting: 0 };
      this.#flights.set(key, flight);
    }
    return this.#join(key, flight, signal);
  }

  #join(key: string, flight: Flight, signal: AbortSignal | undefined): Promise<Answer> {
    flight.waiting++;
    if (signal === undefined) return flight.answer;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        if (--flight.waiting === 0) {
          // Later questions must not join a lookup that is being aborted.
          this.#land(key, flight.controller);
          flight.controller.abort();
        }
        reject(abortError(signal));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      flight.answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  #land(key: string, controller: AbortController): void {
    if (this.#flights.get(key)?.controller === controller) this.#flights.delete(key);
  }

  async #lookup(name: string, type: RecordType, signal: AbortSignal): Promise<Answer> {
    const { clock, timeoutMs } = this.#config;
    const deadline = clock.now() + timeoutMs;
    const answer = await this.#semaphore.run(() => this.#resolve(name, type, deadline, signal));
    if (this.#cache === undefined) return answer;
    if (isTemporary(answer)) return this.#cache.getStale(name, type, clock.now()) ?? answer;
    return this.#cache.set(answer, clock.now());
  }

  /** Asks for a name, and then for the target of an alias that the server did not resolve. */
  async #resolve(name: string, type: RecordType, deadline: number, signal: AbortSignal): Promise<Answer> {
    let current = name;
    let aliases = 0;
    let ttlSeconds = Number.POSITIVE_INFINITY;
    let authentic = true;
    for (;;) {
      const outcome = await this.#exchange(current, type, deadline, signal);
      if (!outcome.ok) return failedAnswer(name, type, { ...outcome, scope: this.#scopeOf(outcome) });
      authentic &&= outcome.authentic;
      const step = readChecked(
        outcome.response,
        { name: current, type, maxAliases: maxAliases - aliases },
        authentic,
      );
      if (step.done) {
        const { answer } = step;
        if (current === name || isTemporary(answer)) return { ...answer, name };
        return { ...answer, name, ttlSeconds: Math.min(ttlSeconds, answer.ttlSeconds) };
      }
      aliases += step.aliases;
      ttlSeconds = Math.min(ttlSeconds, step.ttlSeconds);
      if (aliases >= maxAliases || step.target === name) return aliasLoop(name, type);
      current = step.target;
    }
  }

  async #exchange(
    name: string,
    type: RecordType,
    deadline: number,
    signal: AbortSignal,
  ): Promise<ExchangeOutcome> {
    const { attemptTimeoutMs, clock, openLink } = this.#config;
    const { servers, exchangeServers } = this.#config.servers();
    const request = { name, type, servers: exchangeServers, deadline, attemptTimeoutMs, nextId: randomId };
    const outcome = await driveExchange(request, { servers, clock, openLink, signal });
    if (outcome.ok) this.#answeredAt = clock.now();
    return outcome;
  }

  /** The scope of a failure: the domain, if the servers answered another question a moment ago; otherwise local. */
  #scopeOf({ scope }: Extract<ExchangeOutcome, { ok: false }>): FailureScope {
    if (scope !== 'unclear') return scope;
    const sinceMs = Math.abs(this.#config.clock.now() - this.#answeredAt);
    return sinceMs < aliveMs ? 'domain' : 'local';
  }
}

/** Reads an answer; malformed records are a failed lookup. */
function readChecked<T extends RecordType>(
  ...args: Parameters<typeof readAnswer<T>>
): ReturnType<typeof readAnswer<T>> {
  const [, { name, type }] = args;
  try {
    return readAnswer(...args);
  } catch (error) {
    if (!DnsError.isInstance(error)) throw error;
    const reason = `${name} ${type}: ${error.message}`;
    return {
      done: true,
      answer: failedAnswer(name, type, { status: 'servfail', cause: 'malformed', scope: 'domain', reason }),
    };
  }
}

const randomPool = new Uint16Array(1024);
let randomLeft = 0;

/** RFC 5452 §9.2: ids come from a cryptographic random source. */
function randomId(): number {
  if (randomLeft === 0) {
    crypto.getRandomValues(randomPool);
    randomLeft = randomPool.length;
  }
  return randomPool[--randomLeft]!;
}
