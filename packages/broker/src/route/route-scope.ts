import type { MailHost } from '@mb/dns';
import type { Clock } from '../clock.ts';
import type { Observers } from '../observer.ts';
import type { TlsOptions } from '../options.ts';
import { findHostSecurity, type SecuritySources } from './host-security.ts';
import { findNextHop, type NextHop, type NextHopEnvironment, type ReachableHop } from './next-hop.ts';
import type { ResolverWatch } from './resolver-watch.ts';
import type { HostSecurity } from './tls-policy.ts';

/** What looking for routes takes from outside. */
export interface RouteEnvironment extends NextHopEnvironment, SecuritySources {
  readonly tls: Pick<TlsOptions, 'minimum'>;
  readonly clock: Clock;
  readonly resolverWatch: ResolverWatch;
  readonly observers: Observers;
}

/**
 * Where the messages of one piece of work go and how safely, each looked up once. Delivery and explanation ask the same
 * object, so that what is explained is what would be done.
 */
export class RouteScope {
  readonly #environment: RouteEnvironment;
  readonly #signal: AbortSignal | undefined;
  readonly #nextHops = new Map<string, Promise<NextHop>>();
  readonly #securities = new Map<MailHost, Promise<HostSecurity>>();
  /** For messages that ask for REQUIRETLS. */
  readonly #strictSecurities = new Map<MailHost, Promise<HostSecurity>>();

  constructor(environment: RouteEnvironment, signal?: AbortSignal) {
    this.#environment = environment;
    this.#signal = signal;
  }

  /** The hosts for a domain. */
  nextHop(domain: string): Promise<NextHop> {
    let nextHop = this.#nextHops.get(domain);
    if (!nextHop) {
      nextHop = this.#findNextHop(domain);
      this.#nextHops.set(domain, nextHop);
    }
    return nextHop;
  }

  /** How safely one of the hosts of a next hop must be talked to. */
  security(nextHop: ReachableHop, host: MailHost, requireTls: boolean): Promise<HostSecurity> {
    const known = requireTls ? this.#strictSecurities : this.#securities;
    let security = known.get(host);
    if (!security) {
      const sender = { minimum: this.#environment.tls.minimum ?? 'opportunistic', requireTls } as const;
      security = findHostSecurity(nextHop, host, sender, this.#environment, this.#signal);
      known.set(host, security);
    }
    return security;
  }

  async #findNextHop(domain: string): Promise<NextHop> {
    const { clock, observers, resolverWatch } = this.#environment;
    const startedAt = clock.now();
    const nextHop = await findNextHop(domain, this.#environment, this.#signal);
    const { route } = nextHop;
    resolverWatch.saw(domain, route);
    if (observers.wants('route')) {
      const hosts = route.status === 'found' ? route.hosts.map(({ name }) => name) : [];
      const durationMs = clock.now() - startedAt;
      observers.emit({ type: 'route', domain, status: route.status, hosts, durationMs });
    }
    return nextHop;
  }
}
