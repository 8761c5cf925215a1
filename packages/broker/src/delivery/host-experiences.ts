import { HostExperience, type HostFacts, SmtpError } from '@mb/smtp-client';

/** Hosts remembered at once; the ones that were used least recently go first. */
const mostHosts = 10_000;

/**
 * What sessions have shown about hosts, one object a host for all connections of the process.
 *
 * The queue keeps the facts with the destination, so that they outlive the process: `recall()` takes them in, and
 * {@link HostExperienceScope.changes} gives those that a piece of work has changed.
 */
export class HostExperiences {
  readonly #byHost = new Map<string, HostExperience>();

  /** What is known of a host; of one that is not known yet, nothing. */
  of(host: string): HostExperience {
    const experience = this.#byHost.get(host) ?? new HostExperience();
    this.#keep(host, experience);
    return experience;
  }

  /** Takes in what was kept, for hosts that this process knows nothing of. */
  recall(facts: Readonly<Record<string, object>>): void {
    for (const [host, known] of Object.entries(facts)) {
      if (this.#byHost.has(host)) continue;
      try {
        this.#keep(host, new HostExperience(known as Partial<HostFacts>));
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

  #keep(host: string, experience: HostExperience): void {
    this.#byHost.delete(host);
    this.#byHost.set(host, experience);
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
    const changed: [string, HostFacts][] = [];
    for (const [host, { experience, before }] of this.#used) {
      const { facts } = experience;
      if (facts !== before && lasting(facts) !== lasting(before)) changed.push([host, facts]);
    }
    return changed.length === 0 ? undefined : Object.fromEntries(changed);
  }
}

/** All but the run of messages that changes with each one. */
function lasting({ cleanRun: _, ...facts }: HostFacts): string {
  return JSON.stringify(facts);
}
