import { createMemoryResolver, type MemoryRecords } from '@mb/dns/memory';
import { connect } from '@mb/smtp-client';
import { createSeededRandom, VirtualClock } from '@mb/testkit';
import { MemoryStore } from '../src/store/memory/memory-store.ts';
import type { QueueStore } from '../src/store/port.ts';
import { type ProcessWorld, SimulatedProcess } from './process.ts';
import { drawScenario, type Scenario, type WorldEvent } from './scenario.ts';
import { type Acceptance, type HostWorld, SimulatedHost } from './simulated-host.ts';
import { type ChangeProfiles, ownProfiles } from './tenants.ts';
// @mb/smtp-client loads these when they are first needed, which takes real time: the first run of a process would differ
// from the second one.
import '../../smtp-client/src/io/sasl-crypto.ts';
import '../../smtp-client/src/io/tls.ts';

/** What a run leaves behind for the invariants to be held against. */
export interface RunRecord {
  readonly seed: number | string;
  readonly scenario: Scenario;
  readonly store: QueueStore<unknown>;
  readonly hosts: readonly SimulatedHost[];
  /** Messages whose `enqueue()` resolved: their ids, and the recipients that it said were queued. */
  readonly accepted: ReadonlyMap<string, readonly string[]>;
  /** Every message that a host took, in order. */
  readonly acceptances: readonly Acceptance[];
  readonly processes: readonly SimulatedProcess[];
  /** Messages whose sender asks for reports of failures. */
  readonly reported: ReadonlySet<string>;
  /** Steps between which the store was in trouble. */
  readonly storeTroubles: readonly { readonly from: number; readonly to: number }[];
  /**
   * Steps from a leap of the clock by more than a lease lasts, after which its workers have fallen silent for the
   * store, to when they know that their leases are lost.
   */
  readonly leaps: readonly { readonly from: number; readonly to: number }[];
  /** Suspensions of domains, with the places in the log at which they began and ended. */
  readonly suspensions: readonly Suspension[];
  /** How often each unplanned event happened, such as the death of a process at a write. */
  readonly happened: ReadonlyMap<string, number>;
  /** What happened, a line each, for a person. */
  readonly trace: readonly string[];
  /** The run did not come to an end by itself within its bounds. */
  readonly unfinished: string | undefined;
  readonly steps: number;
}

/** A domain that an operator suspended; `to` is open until it is resumed. */
export interface Suspension {
  readonly domain: string;
  readonly from: string;
  to: string | undefined;
}

/** Makes the store that the run works on; a test hands in one with a bug. */
export type MakeStore = (options: {
  readonly clock: VirtualClock;
  readonly limits: { readonly startConcurrency: number; readonly maxConcurrency: number };
}) => QueueStore<unknown>;

const minute = 60_000;
const hour = 60 * minute;
/** The worker's default. */
const leaseMs = minute;
/** A run is over when nothing waits; it must be within these bounds. */
const longestMs = 9 * 24 * hour;
const mostSteps = 150_000;
/** Turns of the event loop without any activity after which a moment is over. */
const stillTurns = 3;

/** The store of most runs. */
export const memoryStore: MakeStore = (options) => new MemoryStore(options);

/** Code that the client loads at its first connection takes real time, of which none may pass in a run. */
let loaded: Promise<void> | undefined;

async function loadAllCode(): Promise<void> {
  const openSocket = () => Promise.reject(new Error('There is nobody.'));
  await connect({ host: '192.0.2.1', hostname: 'sender.test', openSocket }).catch(() => {});
}

/** Runs the world of a seed to its end. The same seed gives the same run. */
export async function runWorld(
  seed: number | string,
  makeStore: MakeStore = memoryStore,
  changeProfiles: ChangeProfiles = ownProfiles,
): Promise<RunRecord> {
  loaded ??= loadAllCode();
  await loaded;
  const world = new World(seed, makeStore, changeProfiles);
  await world.run();
  return world.record();
}

class World implements ProcessWorld, HostWorld {
  readonly clock = new VirtualClock();
  readonly scenario: Scenario;
  readonly store: QueueStore<unknown>;
  readonly resolver: ReturnType<typeof createMemoryResolver>;
  readonly hosts: ReadonlyMap<string, SimulatedHost>;
  readonly mailboxes;
  readonly refusals = new Map<string, number>();
  readonly changeProfiles: ChangeProfiles;
  readonly #seed: number | string;
  readonly #random;
  readonly #startMs = this.clock.now();
  readonly #accepted = new Map<string, readonly string[]>();
  readonly #acceptances: Acceptance[] = [];
  readonly #processes: SimulatedProcess[] = [];
  readonly #leaps: { from: number; to: number }[] = [];
  readonly #reported = new Set<string>();
  readonly #suspensions: Suspension[] = [];
  readonly #storeTroubles: { from: number; to: number }[] = [];
  storeTrouble: 'before' | 'after' | undefined;
  readonly #happened = new Map<string, number>();
  readonly #trace: string[] = [];
  /** Enqueueing, restarting and other work that the world itself has begun. */
  #pending = 0;
  #elapsedMs = 0;
  #touches = 0;
  #steps = 0;
  #unfinished: string | undefined;

  constructor(seed: number | string, makeStore: MakeStore, changeProfiles: ChangeProfiles) {
    this.changeProfiles = changeProfiles;
    this.#seed = seed;
    this.#random = createSeededRandom(seed);
    this.scenario = drawScenario(this.#random.fork('scenario'));
    const { domains, maxConcurrency } = this.scenario;
    const limits = { startConcurrency: Math.min(2, maxConcurrency), maxConcurrency };
    this.store = makeStore({ clock: this.clock, limits });
    this.mailboxes = new Map(domains.flatMap(({ mailboxes }) => Object.entries(mailboxes)));
    const plans = domains.flatMap(({ hosts }) => hosts);
    this.hosts = new Map(
      plans.map((plan) => [plan.address, new SimulatedHost(plan, this, this.#random.fork(plan.name))]),
    );
    this.resolver = createMemoryResolver(zonesOf(this.scenario));
  }

  get crashAtWrite(): number {
    return this.scenario.crashAtWrite;
  }

  faulty(): boolean {
    return this.#elapsedMs < this.scenario.faultsUntilMs;
  }

  readonly touch = (): number => ++this.#touches;

  accepted(acceptance: Acceptance): void {
    this.#acceptances.push(acceptance);
    this.#note(`${acceptance.host} accepts ${acceptance.messageId} for ${acceptance.recipients.join(' ')}`);
  }

  /** Counts what a run went through. */
  happens(what: string): void {
    this.#happened.set(what, (this.#happened.get(what) ?? 0) + 1);
  }

  trouble(error: unknown): void {
    this.#note(`trouble: ${error instanceof Error ? error.message : error}`);
  }

  died(process: SimulatedProcess, why: string): void {
    this.#note(`process ${process.id} dies ${why}`);
    this.happens(`death: ${why}`);
    this.#later(10_000, () => this.#startProcess());
  }

  async run(): Promise<void> {
    await this.store.open();
    for (let worker = 0; worker < this.scenario.workers; worker++) this.#startProcess();
    for (const event of this.scenario.events) this.#later(event.atMs, () => this.#happen(event));
    let checkedAtMs = 0;
    for (;;) {
      await this.#settle();
      if (this.#elapsedMs - checkedAtMs >= hour || this.clock.nextTimerInMs === undefined) {
        checkedAtMs = this.#elapsedMs;
        if (this.#pending === 0 && !this.faulty() && (await this.#isIdle())) break;
      }
      const next = this.clock.nextTimerInMs;
      if (next === undefined || this.#elapsedMs > longestMs || this.#steps >= mostSteps) {
        this.#unfinished =
          next === undefined ? 'nothing is going to happen, and mail waits' : 'it does not come to an end';
        break;
      }
      this.#elapsedMs += next;
      this.#steps++;
      this.clock.runNext();
    }
    await this.#stop();
  }

  record(): RunRecord {
    return {
      seed: this.#seed,
      scenario: this.scenario,
      store: this.store,
      hosts: [...this.hosts.values()],
      accepted: this.#accepted,
      acceptances: this.#acceptances,
      processes: this.#processes,
      reported: this.#reported,
      storeTroubles: this.#storeTroubles,
      suspensions: this.#suspensions,
      leaps: this.#leaps,
      happened: this.#happened,
      trace: this.#trace,
      unfinished: this.#unfinished,
      steps: this.#steps,
    };
  }

  /** Lets everything happen that happens at this moment. */
  async #settle(): Promise<void> {
    let seen = -1;
    for (let still = 0; still < stillTurns; ) {
      await new Promise((resolve) => setImmediate(resolve));
      still = this.#touches === seen ? still + 1 : 0;
      seen = this.#touches;
    }
  }

  async #isIdle(): Promise<boolean> {
    const { queued, inFlight } = await this.store.stats();
    return queued === 0 && inFlight === 0;
  }

  async #stop(): Promise<void> {
    const stopping = this.#processes
      .filter(({ alive }) => alive)
      .map((process) => {
        process.stoppingAt ??= this.touch();
        return process.broker.stop({ graceMs: minute });
      });
    let stopped = false;
    void Promise.all(stopping).then(() => {
      stopped = true;
    });
    for (let steps = 0; !stopped && steps < 10_000; steps++) {
      await this.#settle();
      if (!stopped && !this.clock.runNext()) break;
    }
    if (!stopped) this.#unfinished ??= 'a process does not stop';
  }

  #startProcess(): void {
    const id = this.#processes.length;
    const process = new SimulatedProcess(id, this, this.#random.fork(`process ${id}`));
    this.#processes.push(process);
    this.#note(`process ${id} starts`);
    process.broker.start();
  }

  #later(delayMs: number, act: () => void | Promise<void>): void {
    this.#pending++;
    this.clock.setTimer(() => {
      this.touch();
      Promise.resolve(act())
        .catch((error) => this.trouble(error))
        .finally(() => {
          this.#pending--;
          this.touch();
        });
    }, delayMs);
  }

  #leap(): void {
    const leap = { from: this.touch(), to: Number.POSITIVE_INFINITY };
    this.#leaps.push(leap);
    this.#later(leaseMs, () => {
      leap.to = this.touch();
    });
  }

  #happen(event: WorldEvent): void | Promise<void> {
    const process = this.#processes.findLast(({ alive }) => alive);
    this.#note(JSON.stringify({ ...event, atMs: undefined }));
    switch (event.kind) {
      case 'enqueue':
        if (process) this.#enqueue(process, event);
        return;
      case 'crash':
        return process?.die('by order');
      case 'graceful-restart':
        return process && this.#restart(process);
      case 'clock-jump':
        if (event.ms >= leaseMs) this.#leap();
        return this.clock.jump(event.ms);
      case 'dns-trouble':
        this.resolver.fail(event.name, event.status);
        return this.#later(event.forMs, () => this.resolver.fail(event.name, undefined));
      case 'store-trouble':
        return this.#troubleStore(event);
      case 'cancel':
        return this.store.cancel({ domain: event.domain }).then(() => {});
      case 'suspend':
        this.#later(event.forMs, () => this.#resume(event.domain));
        return this.#suspend(event.domain);
      case 'hold-and-release': {
        const { domain } = event;
        this.#later(event.forMs, async () => void (await this.store.release({ domain, state: 'held' })));
        return this.store.hold({ domain, state: 'queued' }).then(() => {});
      }
    }
  }

  #troubleStore({ moment, forMs }: Extract<WorldEvent, { kind: 'store-trouble' }>): void {
    this.storeTrouble = moment;
    const trouble = { from: this.touch(), to: Number.POSITIVE_INFINITY };
    this.#storeTroubles.push(trouble);
    this.#later(forMs, () => {
      trouble.to = this.touch();
      // Another one may have begun meanwhile.
      if (this.#storeTroubles.every(({ to }) => Number.isFinite(to))) this.storeTrouble = undefined;
    });
  }

  /** An `enqueue()` whose process dies never answers; the world does not wait for it. */
  #enqueue(process: SimulatedProcess, event: Extract<WorldEvent, { kind: 'enqueue' }>): void {
    const tenant = this.scenario.tenants.find(({ name }) => name === event.tenant);
    const from = `sender@${tenant?.domain ?? 'sender.test'}`;
    const message = { from, to: event.to, subject: 'Simulated', text: 'Hello.' };
    const { onUnknown, expireAfterMs, reported } = event;
    const delivery = {
      onUnknown,
      ...(expireAfterMs !== undefined && { expireAfterMs }),
      ...(!reported && { notify: 'never' as const }),
    };
    process.broker.enqueue(message, { delivery, tenant: tenant?.name }).then(
      ({ id, recipients }) => {
        const queued = recipients
          .filter(({ status }) => status === 'queued')
          .map(({ recipient }) => recipient);
        if (id !== undefined) this.#accepted.set(id, queued);
        if (id !== undefined && reported) this.#reported.add(id);
        this.#note(`process ${process.id} accepted message ${id}`);
      },
      (error) => this.trouble(error),
    );
  }

  async #restart(process: SimulatedProcess): Promise<void> {
    process.stoppingAt = this.touch();
    // It may die while it stops.
    await Promise.race([process.broker.stop({ graceMs: minute }), process.death]);
    if (!process.alive) return;
    this.#note(`process ${process.id} has stopped`);
    this.#startProcess();
  }

  async #suspend(domain: string): Promise<void> {
    await this.store.setSite(domain, { suspended: true });
    this.#suspensions.push({ domain, from: await this.store.eventsEnd(), to: undefined });
  }

  async #resume(domain: string): Promise<void> {
    const end = await this.store.eventsEnd();
    for (const suspension of this.#suspensions) if (suspension.domain === domain) suspension.to ??= end;
    await this.store.setSite(domain, { suspended: false, pauseMs: 0 });
  }

  #note(text: string): void {
    const at = new Date(this.#startMs + this.#elapsedMs).toISOString().slice(8, 23);
    this.#trace.push(`${at} ${text}`);
  }
}

function zonesOf({ domains, tenants }: Scenario): Record<string, MemoryRecords> {
  const zones: Record<string, MemoryRecords> = { 'sender.test': {} };
  for (const { name, hosts } of domains) {
    zones[name] = { MX: hosts.map((host, index) => [10 * (index + 1), host.name] as const) };
    for (const host of hosts) zones[host.name] = { A: host.address };
  }
  // Reports go to hosts that the tenants share.
  const open = domains.find(({ hosts }) => !hosts[0]!.relay);
  for (const { domain } of tenants) zones[domain] = open ? zones[open.name]! : {};
  return zones;
}
