import { randomFillSync } from 'node:crypto';
import { aliasLoop, failedAnswer, readAnswer } from './answer.ts';
import { checkRecordType } from './argument.ts';
import { AnswerCache, type CacheOptions, cacheOptions } from './cache.ts';
import { type Clock, clockRow, systemClock } from './clock.ts';
import { normalizeName } from './domain.ts';
import { driveExchange } from './drive.ts';
import { abortError, DnsError, throwIfAborted } from './errors.ts';
import type { ExchangeOutcome } from './exchange.ts';
import {
  callback,
  either,
  flag,
  group,
  integer,
  list,
  literal,
  type OptionsRead,
  type OptionTable,
  readOptions,
  text,
} from './option-table.ts';
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
import { makeServerSet, type ServerSet, SystemServers } from './system-servers.ts';
import type { FetchFunction } from './transport/https.ts';

/** Options of `createResolver`. */
export interface ResolverOptions {
  /**
   * Recursive servers: `192.0.2.53`, `127.0.0.1:5300`, `[2001:db8::53]:53`, or `https://…` for DNS
   * over HTTPS (RFC 8484). Default: those of /etc/resolv.conf, which is read again when it has changed.
   */
  readonly servers?: readonly string[] | undefined;
  /** Time for a whole lookup, waiting in line and retries included, milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Time for the first attempt, milliseconds; it doubles each round over the servers. Default 1,500. */
  readonly attemptTimeoutMs?: number | undefined;
  /**
   * Whether the servers' AD bit is believed. Default: only of servers on loopback, and of all when
   * resolv.conf says `options trust-ad`. Danger: over a network that can be tampered with, AD proves
   * nothing, and DANE and MTA-STS decisions would rest on it.
   */
  readonly trustAuthenticData?: boolean | undefined;
  /** Bounds of the cache, or false for none. */
  readonly cache?: CacheOptions | false | undefined;
  /** Most exchanges, and so sockets, open at a time; others wait in line. Default 256. */
  readonly maxConcurrent?: number | undefined;
  /** Time source. Default: the machine's. */
  readonly clock?: Clock | undefined;
  /**
   * HTTP client for DNS over HTTPS. Default: the global `fetch`, which speaks HTTP/1.1; for a server that
   * speaks HTTP/2 only, bring one that does.
   */
  readonly fetch?: FetchFunction | undefined;
}

/** What {@link ResolverOptions} accepts. */
export const resolverOptions = {
  servers: list(text('an address or an https: URL')),
  timeoutMs: integer(1, 600_000, { default: 10_000, unit: 'ms' }),
  attemptTimeoutMs: integer(1, 600_000, { default: 1_500, unit: 'ms' }),
  trustAuthenticData: flag(),
  cache: either(group<CacheOptions>(cacheOptions), literal(false)),
  maxConcurrent: integer(1, 65_536, { default: 256 }),
  clock: clockRow,
  fetch: callback<FetchFunction>(),
} satisfies OptionTable<ResolverOptions>;

/** RFC 1034 §3.6.2 sets no limit; this is the one that common resolvers have. */
const maxAliases = 16;

/** A server that gave a good answer so long ago is taken to be there still. */
const aliveMs = 60_000;

/** A resolver on real sockets, as `createResolver` returns it. */
export interface NodeResolver extends Resolver {
  /** Forgets all cached answers. */
  clearCache(): void;
}

/**
 * Makes a resolver that asks recursive servers over UDP, TCP or HTTPS and caches their answers.
 *
 * It holds no socket while no lookup runs, so there is nothing to close.
 *
 * @throws {DnsError} MB_DNS_OPTION, MB_DNS_NO_SERVERS.
 * @example
 * const resolver = createResolver({ servers: ['127.0.0.1:5300'] });
 * const answer = await resolver.query('example.org', 'MX');
 * if (answer.status === 'found') console.log(answer.records, answer.authentic);
 */
export function createResolver(options: ResolverOptions = {}): NodeResolver {
  const read = readOptions(options, resolverOptions, 'createResolver: options');
  const config = resolveConfig(read);
  return new SocketResolver(config, read.cache === false ? undefined : new AnswerCache(read.cache));
}

interface ResolverConfig {
  /** The servers to ask now. */
  readonly servers: () => ServerSet;
  readonly timeoutMs: number;
  readonly attemptTimeoutMs: number;
  readonly maxConcurrent: number;
  readonly clock: Clock;
  readonly fetch: FetchFunction;
}

function resolveConfig(options: OptionsRead<ResolverOptions, typeof resolverOptions>): ResolverConfig {
  const clock = options.clock ?? systemClock;
  return {
    servers: serversOf(options, clock),
    timeoutMs: options.timeoutMs,
    attemptTimeoutMs: options.attemptTimeoutMs,
    maxConcurrent: options.maxConcurrent,
    clock,
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
  };
}

function serversOf(options: ResolverOptions, clock: Clock): () => ServerSet {
  const { servers, trustAuthenticData } = options;
  if (servers === undefined) {
    const system = new SystemServers('/etc/resolv.conf', trustAuthenticData, clock);
    if (system.current().servers.length > 0) return () => system.current();
  } else if (servers.length > 0) {
    const set = makeServerSet(servers, trustAuthenticData);
    return () => set;
  }
  throw new DnsError('MB_DNS_NO_SERVERS', 'There is no DNS server to ask: name at least one in servers.');
}

/** One question in flight, and how many callers still wait for it. */
interface Flight {
  readonly answer: Promise<Answer>;
  readonly controller: AbortController;
  waiting: number;
}

class SocketResolver implements NodeResolver {
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

  clearCache(): void {
    this.#cache?.clear();
  }

  /** Equal questions share one flight; it is called off when the last caller has left. */
  #share(name: string, type: RecordType, signal: AbortSignal | undefined): Promise<Answer> {
    const key = `${type} ${name}`;
    let flight = this.#flights.get(key);
    if (flight === undefined) {
      const controller = new AbortController();
      const answer = this.#lookup(name, type, controller.signal).finally(() => this.#land(key, controller));
      // Every caller may have left; the abort that then ends the lookup is not an error.
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
          // A question asked after this must not join a flight that is being called off.
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

  /** Asks for a name, and again for the target of an alias that the server left open. */
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
    const { attemptTimeoutMs, clock, fetch } = this.#config;
    const { servers, exchangeServers } = this.#config.servers();
    const request = { name, type, servers: exchangeServers, deadline, attemptTimeoutMs, nextId: randomId };
    const outcome = await driveExchange(request, { servers, clock, fetch, signal });
    if (outcome.ok) this.#answeredAt = clock.now();
    return outcome;
  }

  /** Servers that answered for another name a moment ago are silent about this one; else they may just be gone. */
  #scopeOf({ scope }: Extract<ExchangeOutcome, { ok: false }>): FailureScope {
    if (scope !== 'unclear') return scope;
    const sinceMs = Math.abs(this.#config.clock.now() - this.#answeredAt);
    return sinceMs < aliveMs ? 'domain' : 'local';
  }
}

/** A response whose records are broken is a failed lookup like any other garbage. */
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

/** RFC 5452 §9.2: ids come from a cryptographic source. */
function randomId(): number {
  if (randomLeft === 0) {
    randomFillSync(randomPool);
    randomLeft = randomPool.length;
  }
  return randomPool[--randomLeft]!;
}
