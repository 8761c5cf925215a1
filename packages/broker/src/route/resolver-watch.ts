import type { MailRoute } from '@mb/dns';
import type { Clock } from '../clock.ts';
import { misconfigured } from './local-watch.ts';

/** Mail that waits for the resolver asks again each minute, so trouble that was not met for longer is over. */
const memoryMs = 3 * 60_000;

/** Remembers that our own resolver failed, for the operator: the domains are not to blame, and nothing is delivered. */
export class ResolverWatch {
  readonly #clock: Clock;
  #latest: { readonly domain: string; readonly reason: string; readonly at: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A route was looked up. Another domain's may come from the cache, so only the one that failed proves an end. */
  saw(domain: string, route: MailRoute): void {
    const own = route.status === 'temporary' && route.scope === 'local';
    if (own && route.enhancedCode !== misconfigured)
      this.#latest = { domain, reason: route.reason, at: this.#clock.now() };
    else if (this.#latest?.domain === domain) this.#latest = undefined;
  }

  /** One or two sentences while the resolver does not work. */
  trouble(): string | undefined {
    if (!this.#latest || Math.abs(this.#clock.now() - this.#latest.at) > memoryMs) return undefined;
    return `The DNS resolver of this machine does not work: ${this.#latest.reason}`;
  }
}
