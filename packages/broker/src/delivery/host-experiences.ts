import { HostExperience, type HostFacts, SmtpError } from '@mb/smtp-client';
import type { Clock } from '../clock.ts';

/** Hosts remembered at once; the ones that were used least recently go first. */
const mostHosts = 10_000;
/** A window that was not used for this long is earned again, and limits learnt this long ago are found out again. */
const dayMs = 24 * 3_600_000;
/** The time of the latest use is kept with the queue this often. */
const touchMs = 3_600_000;

/** What is kept of a host: facts about it, and how old they are. */
interface KeptFacts extends Partial<HostFacts> {
  /** Epoch milliseconds of the latest session; absent in what older versions kept. */
  readonly usedAt?: number;
  /** Epoch milliseconds at which the limits among the facts were learnt. */
  readonly limitsAt?: number;
}

interface Host {
  readonly experience: HostExperience;
  /** The limits that `limitsAt` is about. */
  limits: string;
  limitsAt: number;
  usedAt: number;
  /** `usedAt` as it was last kept. */
  keptAt: number;
}

/**
 * What sessions have shown about hosts, one object a host for all connections of the process.
 *
 * The queue keeps the facts with the destination, so that they outlive the process: `recall()` takes them in, and
 * {@link HostExperienceScope.changes} gives those that a piece of work has changed.
 *
 * Hosts change their minds: after a day without a session the window is one again, and a day after limits were learnt a
 * session goes without them, and learns them again if they still hold.
 */
export class HostExperiences {
  readonly #byHost = new Map<string, Host>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is known of a host; nothing for a new one. */
  of(host: string): HostExperience {
    return this.#use(host).experience;
  }

  /** Takes in what was kept, for hosts that this process knows nothing of. */
  recall(facts: Readonly<Record<string, object>>): void {
    for (const [host, known] of Object.entries(facts)) {
      if (this.#byHost.has(host)) continue;
      const now = this.#clock.now();
      const { usedAt = now, limitsAt = now, ...rest } = known as KeptFacts;
      try {
        const experience = new HostExperience(rest);
        const limits = limitsOf(experience.facts);
        this.#keep(host, { experience, limits, limitsAt, usedAt, keptAt: usedAt });
      } catch (error) {
        // Facts that another version of this code wrote, and that are learnt again.
        if (!SmtpError.isInstance(error)) throw error;
      }
    }
  }

  /** Begins a piece of work. */
  open(): HostExperienceScope {
    return new HostExperienceScope(this);
  }

  /** @internal What to keep of a host that a piece of work has used; undefined when that is kept already. */
  keptFacts(host: string, before: HostFacts): KeptFacts | undefined {
    const known = this.#byHost.get(host);
    if (!known) return undefined;
    const { facts } = known.experience;
    this.#noteLimits(known);
    const { usedAt, limitsAt } = known;
    const changed = facts !== before && lasting(facts) !== lasting(before);
    const old = isWorthKeeping(facts) && Math.abs(usedAt - known.keptAt) >= touchMs;
    if (!changed && !old) return undefined;
    known.keptAt = usedAt;
    return { ...facts, usedAt, ...(known.limits !== noLimits && { limitsAt }) };
  }

  #use(host: string): Host {
    const now = this.#clock.now();
    const known = this.#byHost.get(host) ?? {
      experience: new HostExperience(),
      limits: noLimits,
      limitsAt: now,
      usedAt: now,
      keptAt: now,
    };
    this.#noteLimits(known);
    // A clock that was set back says as little about the age of facts as one that leapt.
    if (Math.abs(now - known.usedAt) >= dayMs) known.experience.forgetWindow();
    if (known.limits !== noLimits && Math.abs(now - known.limitsAt) >= dayMs) {
      known.experience.forgetLimits();
      this.#noteLimits(known);
    }
    known.usedAt = now;
    this.#keep(host, known);
    return known;
  }

  #noteLimits(known: Host): void {
    const limits = limitsOf(known.experience.facts);
    if (limits === known.limits) return;
    known.limits = limits;
    known.limitsAt = this.#clock.now();
  }

  #keep(name: string, host: Host): void {
    this.#byHost.delete(name);
    this.#byHost.set(name, host);
    if (this.#byHost.size <= mostHosts) return;
    const [oldest] = this.#byHost.keys();
    this.#byHost.delete(oldest!);
  }
}

/** The hosts that one piece of work deals with. */
export class HostExperienceScope {
  readonly #all: HostExperiences;
  readonly #used = new Map<string, { readonly experience: HostExperience; readonly before: HostFacts }>();

  /** Use {@link HostExperiences.open}. */
  constructor(all: HostExperiences) {
    this.#all = all;
  }

  /** What is known of a host. */
  of(host: string): HostExperience {
    const used = this.#used.get(host);
    if (used) return used.experience;
    const experience = this.#all.of(host);
    this.#used.set(host, { experience, before: experience.facts });
    return experience;
  }

  /** Facts that have changed since, by host; undefined when none is worth keeping. */
  changes(): Record<string, object> | undefined {
    const changed: [string, object][] = [];
    for (const [host, { before }] of this.#used) {
      const facts = this.#all.keptFacts(host, before);
      if (facts) changed.push([host, facts]);
    }
    return changed.length === 0 ? undefined : Object.fromEntries(changed);
  }
}

/** All but the run of messages that changes with each one. */
function lasting({ cleanRun: _, ...facts }: HostFacts): string {
  return JSON.stringify(facts);
}

/** What the host does not take. */
function limitsOf({ messagesPerSession, recipientsPerTransaction, refusesChunking }: HostFacts): string {
  return JSON.stringify([messagesPerSession, recipientsPerTransaction, refusesChunking]);
}

const noLimits = limitsOf({ window: 1, cleanRun: 0 });

function isWorthKeeping(facts: HostFacts): boolean {
  return facts.window > 1 || facts.endedAfter !== undefined || limitsOf(facts) !== noLimits;
}
