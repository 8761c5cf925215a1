import type { Clock } from '../clock.ts';
import type { RecipientOutcome } from '../delivery/outcome.ts';

/** Paused destinations are tried again after five minutes, so trouble that was not met for longer is over. */
const memoryMs = 10 * 60_000;
/** Most troubles that `troubles()` returns. */
const mostTroubles = 20;

/**
 * Remembers trouble of our own, for the operator: sockets and addresses of this machine, names in the configuration,
 * refused credentials. The domains of the recipients are not to blame. The resolver has a watch of its own.
 */
export class LocalWatch {
  readonly #clock: Clock;
  /** By host, or by domain where no host was found. */
  readonly #troubles = new Map<string, { readonly reason: string; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An attempt for a domain has ended. */
  saw(domain: string, outcomes: readonly RecipientOutcome[]): void {
    for (const outcome of outcomes) {
      const key = outcome.host ?? domain;
      // An aborted attempt says nothing: neither that there is trouble, nor that it is over.
      if (outcome.status === 'deferred' && outcome.untouched) continue;
      if (outcome.status === 'deferred' && outcome.category === 'local') {
        if (concernsOperator(outcome)) this.#note(key, outcome.reason);
      } else {
        this.#troubles.delete(key);
        this.#troubles.delete(domain);
      }
    }
  }

  /** One or two sentences for each trouble that lasts. */
  troubles(): string[] {
    const before = this.#clock.now() - memoryMs;
    for (const [key, { at }] of this.#troubles) if (at < before) this.#troubles.delete(key);
    return [...new Set([...this.#troubles.values()].map(({ reason }) => reason))].slice(0, mostTroubles);
  }

  #note(key: string, reason: string): void {
    this.#troubles.delete(key);
    this.#troubles.set(key, { reason, at: this.#clock.now() });
    if (this.#troubles.size > 1000) this.#troubles.delete(this.#troubles.keys().next().value!);
  }
}

/** Content that could not be read is no trouble of this kind; the resolver has a watch of its own. */
function concernsOperator({
  stage,
  enhanced,
}: {
  readonly stage: string;
  readonly enhanced: string;
}): boolean {
  if (stage === 'route') return enhanced === misconfigured;
  return stage === 'profile' || stage === 'connect' || stage === 'policy' || stage === 'auth';
}

/** RFC 3463 §3.4, X.3.5: system incorrectly configured. */
export const misconfigured = '4.3.5';
