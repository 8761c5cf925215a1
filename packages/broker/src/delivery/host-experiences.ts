import { HostExperience, type HostFacts, SmtpError } from '@mb/smtp-client';
import type { Clock } from '../clock.ts';

/** Maximum number of hosts remembered; the least recently used are dropped first. */
const mostHosts = 10_000;
/** After this time without a session the window starts at one again; limits learnt this long ago are measured again. */
const dayMs = 24 * 3_600_000;
/** The time of the latest session is stored at most this often. */
const touchMs = 3_600_000;

/** What the queue stores about a host: the facts and their age. */
interface KeptFacts extends Partial<HostFacts> {
  /** Epoch milliseconds of the latest session; absent in facts that older versions stored. */
  readonly usedAt?: number;
  /** Epoch milliseconds at which the limits among the facts were learnt. */
  readonly limitsAt?: number;
}

interface Host {
  readonly experience: HostExperience;
  /** The limits as they were at `limitsAt`. */
  limits: string;
  limitsAt: number;
  usedAt: number;
  /** `usedAt` as last stored. */
  keptAt: number;
}

/**
 * What sessions have shown about hosts: one `HostExperience` for each host, shared by all connections of the process.
 *
 * The queue stores the facts with the destination, so that they survive a restart: `recall()` loads them, and
 * {@link HostExperienceScope.changes} returns those that a piece of work has changed.
 *
 * Facts expire, because hosts change: after a day without a session the window is one again, and a day after limits
 * were learnt a session ignores them, and learns them again if they still hold.
 */
export class HostExperiences {
  readonly #byHost = new Map<string, Host>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is known of a host; an empty experience for a new one. */
  of(host: string): HostExperience {
    return this.#use(host).experience;
  }

  /** Loads stored facts of hosts that this process does not know yet. */
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
        // Another version of this code wrote these facts; they are learnt again.
        if (!SmtpError.isInstance(error)) throw error;
      }
    }
  }

  /** Starts a piece of work. */
  open(): HostExperienceScope {
    return new HostExperienceScope(this);
  }

  /** @internal What to store about a host after a piece of work; undefined when nothing has changed. */
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
    // The absolute difference, because facts from the future, after the clock was set back, have no known age either.
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

/** The hosts that one piece of work uses. */
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

  /** Facts that have changed since the work began, by host; undefined when there is nothing to store. */
  changes(): Record<string, object> | undefined {
    const changed: [string, object][] = [];
    for (const [host, { before }] of this.#used) {
      const facts = this.#all.keptFacts(host, before);
      if (facts) changed.push([host, facts]);
    }
    return changed.length === 0 ? undefined : Object.fromEntries(changed);
  }
}

/** All facts except `cleanRun`, which changes with each message. */
function lasting({ cleanRun: _, ...facts }: HostFacts): string {
  return JSON.stringify(facts);
}

/** The limits among the facts, as text to compare. */
function limitsOf({ messagesPerSession, recipientsPerTransaction, refusesChunking }: HostFacts): string {
  return JSON.stringify([messagesPerSession, recipientsPerTransaction, refusesChunking]);
}

const noLimits = limitsOf({ window: 1, cleanRun: 0 });

function isWorthKeeping(facts: HostFacts): boolean {
  return facts.window > 1 || facts.endedAfter !== undefined || limitsOf(facts) !== noLimits;
}
