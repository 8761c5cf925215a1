import type { Duplex } from 'node:stream';
import type { createMemoryResolver } from '@mb/dns/memory';
import type { SocketTarget } from '@mb/smtp-client';
import type { SeededRandom, VirtualClock } from '@mb/testkit';
import { MailBroker } from '../src/broker.ts';
import type { Clock } from '../src/clock.ts';
import { BrokerError } from '../src/errors.ts';
import type { BrokerOptions } from '../src/options.ts';
import type { QueueStore } from '../src/store/port.ts';
import type { Scenario } from './scenario.ts';
import type { SimulatedHost } from './simulated-host.ts';
import { type ChangeProfiles, relayRoutes, tenantProfiles } from './tenants.ts';

/** What a process shares with its world. */
export interface ProcessWorld {
  readonly clock: VirtualClock;
  readonly store: QueueStore<unknown>;
  readonly resolver: ReturnType<typeof createMemoryResolver>;
  readonly hosts: ReadonlyMap<string, SimulatedHost>;
  readonly scenario: Scenario;
  readonly crashAtWrite: number;
  readonly changeProfiles: ChangeProfiles;
  /** When calls of the store fail, while they do. */
  readonly storeTrouble: 'before' | 'after' | undefined;
  happens(what: string): void;
  faulty(): boolean;
  touch(): number;
  died(process: SimulatedProcess, why: string): void;
  trouble(error: unknown): void;
}

/** Calls that change the store: a process may die before or after any of them. */
const writes = new Set([
  'accept',
  'stage',
  'unrouted',
  'assignSites',
  'claim',
  'claimSites',
  'claimMore',
  'claimOverdue',
  'settle',
  'heartbeat',
  'reap',
  'alias',
]);

/** Share of the calls that fail while the store is in trouble. */
const failingShare = 0.7;

const never = new Promise<never>(() => {});

/** Who sends: one sender, or several tenants with a profile each. */
function sendingOf({ scenario, changeProfiles }: ProcessWorld): Partial<BrokerOptions> {
  const { domains, tenants } = scenario;
  const allowAddresses = ['127.0.0.0/8'];
  if (tenants.length === 0) return { delivery: { allowAddresses, routes: relayRoutes(domains, 'sender') } };
  return { delivery: { allowAddresses }, profileFor: changeProfiles(tenantProfiles(tenants, domains)) };
}

/**
 * One process: a broker with its timers, its sockets and its view of the store. When it dies, nothing of it acts any
 * more; the store and the hosts live on.
 */
export class SimulatedProcess {
  readonly id: number;
  readonly broker: MailBroker;
  alive = true;
  /** Resolves when it dies. */
  readonly death: Promise<void>;
  /** Step of the world at which it died. */
  diedAt: number | undefined;
  /** Step of the world at which it was told to stop: in the end it breaks off what is under way. */
  stoppingAt: number | undefined;
  readonly #world: ProcessWorld;
  readonly #random: SeededRandom;
  readonly #connections = new Set<() => void>();
  #tellDeath = () => {};

  constructor(id: number, world: ProcessWorld, random: SeededRandom) {
    this.id = id;
    this.#world = world;
    this.death = new Promise((resolve) => {
      this.#tellDeath = resolve;
    });
    this.#random = random.fork('crash');
    const broker = random.fork('broker');
    this.broker = new MailBroker({
      hostname: 'sender.test',
      dns: world.resolver,
      store: this.#mortalStore() as QueueStore<never>,
      queue: { name: `process-${id}`, retention: null, onError: (error) => world.trouble(error) },
      ...sendingOf(world),
      runtime: {
        clock: this.#mortalClock(),
        random: broker.random,
        randomBytes: broker.randomBytes,
        openSocket: (target) => this.#openSocket(target),
      },
    });
  }

  /** Ends like a power cut. */
  die(why: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.diedAt = this.#world.touch();
    this.#tellDeath();
    for (const cut of this.#connections) cut();
    this.#world.died(this, why);
  }

  #mortalClock(): Clock {
    const { clock, touch } = this.#world;
    return {
      now: clock.now,
      setTimer: (callback, delayMs) => {
        touch();
        return clock.setTimer(() => {
          if (this.alive) callback();
        }, delayMs);
      },
    };
  }

  #mortalStore(): QueueStore<unknown> {
    return new Proxy(this.#world.store, {
      get: (store, name: keyof QueueStore<unknown>) => {
        const method = store[name] as ((...args: unknown[]) => unknown) | undefined;
        // Optional methods, and what is no method.
        if (typeof method !== 'function') return method;
        if (name === 'onWake') {
          return (listener: () => void) => store.onWake(() => this.alive && listener());
        }
        if (name === 'onBackgroundError') {
          return (listener: (error: unknown) => void) => {
            return store.onBackgroundError!((error) => this.alive && listener(error));
          };
        }
        if (name === 'content') return method.bind(store);
        return async (...args: unknown[]) => {
          this.#world.touch();
          if (!this.alive || (writes.has(name) && this.#dies(`before ${name}`))) return never;
          this.#failAs('before', name);
          const result = await method.apply(store, args);
          if (!this.alive || (writes.has(name) && this.#dies(`after ${name}`))) return never;
          this.#failAs('after', name);
          return result;
        };
      },
    });
  }

  /** The disk, or the connection to the database: a call that failed may have done its work all the same. */
  #failAs(moment: 'before' | 'after', name: string): void {
    if (this.#world.storeTrouble !== moment || this.#random.random() >= failingShare) return;
    this.#world.happens(`store fails: ${moment} ${name}`);
    throw new BrokerError('MB_BROKER_STORE_FAILED', 'internal', 'The store is in trouble.', {
      retryable: true,
    });
  }

  #dies(moment: string): boolean {
    const { crashAtWrite } = this.#world;
    if (crashAtWrite === 0 || this.#random.random() >= crashAtWrite || !this.#world.faulty()) return false;
    this.die(moment);
    return true;
  }

  #openSocket({ address, signal, localAddress }: SocketTarget): Promise<Duplex> {
    this.#world.touch();
    if (!this.alive) return never;
    const host = this.#world.hosts.get(address);
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (!host || host.meets('refused')) {
        reject(Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: 'ECONNREFUSED' }));
        return;
      }
      if (host.meets('silent')) return;
      this.#world.clock.setTimer(() => {
        this.#world.touch();
        if (!this.alive || signal.aborted) return;
        const { client, cut } = host.connect(this.id, localAddress);
        this.#connections.add(cut);
        client.on('close', () => this.#connections.delete(cut));
        resolve(client);
      }, host.connectMs());
    });
  }
}
