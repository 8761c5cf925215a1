import type { MailHost } from '@mb/dns';
import { type ConnectOptions, type SmtpConnection, SmtpError, type TimeoutOptions } from '@mb/smtp-client';
import { byIdentity } from '../by-identity.ts';
import type { DeliverySettings, TlsOptions } from '../options.ts';
import type { EgressWatch } from '../route/egress-watch.ts';
import type { LocalWatch } from '../route/local-watch.ts';
import type { NextHop, ReachableHop } from '../route/next-hop.ts';
import { type RouteEnvironment, RouteScope } from '../route/route-scope.ts';
import { type EgressSource, openFrom, reachableFrom } from '../sender/egress-source.ts';
import type { ConnectionScope, DialObserver } from './connections.ts';
import type { HostExperienceScope, HostExperiences } from './host-experiences.ts';
import type { HostPlan, UsableHostPlan } from './host-plan.ts';
import type { KeptTranscripts } from './outcome.ts';
import type { ReplyRules } from './reply-rule.ts';
import { observeRefusal, observeSession } from './tls-observation.ts';

/** What all attempts under one sending profile share. */
export interface AttemptEnvironment extends RouteEnvironment {
  /** Name of the sending profile; empty without `profileFor`. */
  readonly profile: string;
  /** Our EHLO name when the source has none of its own. */
  readonly hostname: string;
  readonly delivery: DeliverySettings;
  readonly tls: TlsOptions;
  readonly egress: EgressWatch;
  readonly localWatch: LocalWatch;
  readonly experiences: HostExperiences;
  readonly replyRules: ReplyRules;
  readonly openSocket?: ConnectOptions['openSocket'];
}

/** What differs between pieces of work. */
export interface AttemptScopeOptions {
  readonly connections: ConnectionScope;
  /** Routes that were looked up before. Default: none. */
  readonly routes?: RouteScope | undefined;
  readonly experiences: HostExperienceScope;
  /** True when another attempt can follow: hosts get less time for their greeting in this one. Default false. */
  readonly firstOfSeveral?: boolean;
  /** Where to send from; when absent, the operating system chooses the address. */
  readonly source?: EgressSource | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Aborted when no new transaction may begin; those under way continue. */
  readonly stopping?: AbortSignal | undefined;
  /** Which outcomes get transcripts: those that the caller reads. Default `all`. */
  readonly transcripts?: KeptTranscripts;
}

/**
 * What the messages of one piece of work share: routes and host plans, each found once, and the connections. A piece of
 * work is short: one message that is sent without a queue, or one claim.
 */
export class AttemptScope {
  readonly environment: AttemptEnvironment;
  readonly signal: AbortSignal | undefined;
  readonly stopping: AbortSignal | undefined;
  readonly transcripts: KeptTranscripts;
  readonly #connections: ConnectionScope;
  /** Where this work sends from; when undefined, the operating system chooses the address. */
  readonly source: EgressSource | undefined;
  readonly #experiences: HostExperienceScope;
  readonly #firstOfSeveral: boolean;
  readonly #routes: RouteScope;
  readonly #hostPlans = new Map<MailHost, Promise<HostPlan>>();
  /** For messages that ask for REQUIRETLS. */
  readonly #strictHostPlans = new Map<MailHost, Promise<HostPlan>>();

  constructor(environment: AttemptEnvironment, options: AttemptScopeOptions) {
    this.environment = environment;
    this.signal = options.signal;
    this.stopping = options.stopping;
    this.transcripts = options.transcripts ?? 'all';
    this.#routes = options.routes ?? new RouteScope(environment, options.signal);
    this.#connections = options.connections;
    this.source = options.source;
    this.#experiences = options.experiences;
    this.#firstOfSeveral = options.firstOfSeveral ?? false;
  }

  /** Ends the work: its connections are kept for a while, or closed. */
  end(): Promise<void> {
    return this.#connections.end();
  }

  /** The hosts for a domain. */
  nextHop(domain: string): Promise<NextHop> {
    return this.#routes.nextHop(domain);
  }

  /** How to connect to one of the hosts of a next hop. */
  hostPlan(nextHop: ReachableHop, host: MailHost, requireTls: boolean): Promise<HostPlan> {
    const known = requireTls ? this.#strictHostPlans : this.#hostPlans;
    let plan = known.get(host);
    if (!plan) {
      plan = this.#planHost(nextHop, host, requireTls);
      known.set(host, plan);
    }
    return plan;
  }

  async #planHost(nextHop: ReachableHop, host: MailHost, requireTls: boolean): Promise<HostPlan> {
    const security = await this.#routes.security(nextHop, host, requireTls);
    if (!security.usable) {
      const { observers } = this.environment;
      if (observers.wants('tls')) observers.emit(observeRefusal(nextHop.route.domain, host.name, security));
      return security;
    }
    const way = { ...security, nextHop, host };
    const options = this.#connectOptions(way);
    const { host: name, addresses, port, hostname, protocol, auth } = options;
    const { tls, profile } = this.environment;
    const parts = [
      profile,
      name,
      addresses,
      port,
      hostname,
      protocol,
      auth,
      tlsKey(options),
      tls.ca,
      this.source,
    ];
    return { ...way, key: JSON.stringify(parts, byIdentity) };
  }

  /**
   * The connection to a host: the one that this work has, an idle one, or a new one.
   * @throws {SmtpError} when the connection fails, or has failed for this work before.
   */
  connect(plan: UsableHostPlan): SmtpConnection | Promise<SmtpConnection> {
    const current = this.#connections.tryAcquire(plan.key);
    if (!current) return this.#dial(plan);
    this.egressOf(plan.nextHop)?.answered();
    return current;
  }

  /** Gives back a connection from `connect()`. */
  release({ key }: UsableHostPlan): void {
    this.#connections.release(key);
  }

  /**
   * The watch over the mail port; undefined for a configured relay or mail store, which says nothing about that port.
   */
  egressOf({ tls }: ReachableHop): EgressWatch | undefined {
    return tls === undefined ? this.environment.egress : undefined;
  }

  async #dial(plan: UsableHostPlan): Promise<SmtpConnection> {
    const egress = this.egressOf(plan.nextHop);
    const options = this.#connectOptions(plan);
    try {
      const connection = await this.#connections.acquire(plan.key, options, this.#observeDialling(plan));
      egress?.answered();
      return connection;
    } catch (error) {
      if (SmtpError.isInstance(error) && error.kind !== 'aborted') egress?.failed(plan.host, error);
      throw error;
    }
  }

  /** Reports how a new connection went; undefined when nothing listens. */
  #observeDialling(plan: UsableHostPlan): DialObserver | undefined {
    const { observers } = this.environment;
    if (!observers.wants('connect') && !observers.wants('tls')) return undefined;
    const { host, nextHop } = plan;
    return (session, durationMs) => {
      const failure = SmtpError.isInstance(session) ? session : undefined;
      observers.emit({
        type: 'connect',
        domain: nextHop.route.domain,
        host: host.name,
        port: nextHop.port,
        ...(this.source && { source: this.source.name }),
        durationMs,
        ...(failure && { errorCode: failure.code }),
      });
      const tls = observeSession(plan, session);
      if (tls) observers.emit(tls);
    };
  }

  #connectOptions({ host, nextHop, tlsName, tls: asked }: Omit<UsableHostPlan, 'key'>): ConnectOptions {
    const { delivery, clock, tls, hostname, observers, openSocket: open } = this.environment;
    const { source, signal } = this;
    const openSocket = source ? openFrom(source, open) : open;
    return {
      host: tlsName,
      addresses: reachableFrom(source, host.addresses).map(({ address }) => address),
      port: nextHop.port,
      protocol: nextHop.protocol,
      hostname: source?.hostname ?? hostname,
      tls: {
        ...asked,
        ...(tls.ca === undefined ? {} : { ca: tls.ca }),
        ...(nextHop.implicitTls && { implicit: true }),
      },
      timeouts: {
        ...(this.#firstOfSeveral && firstContactTimeouts),
        ...delivery.timeouts,
        ...shortened(delivery.timeouts, this.egressOf(nextHop)?.connectMs()),
      },
      limits: delivery.limits,
      clock,
      experience: this.#experiences.of(`${host.name.toLowerCase()}:${nextHop.port}`),
      ...(nextHop.auth && { auth: nextHop.auth }),
      ...(openSocket && { openSocket }),
      ...(observers.wants('line') && {
        onTranscript: (entry) => observers.emit({ type: 'line', line: { ...entry, host: host.name } }),
      }),
      ...(signal && { signal }),
    };
  }
}

function tlsKey({ tls }: ConnectOptions): unknown {
  const records = tls?.tlsa?.map(({ data, ...rest }) => ({
    ...rest,
    data: Buffer.from(data).toString('hex'),
  }));
  return [tls?.level, records, tls?.alsoNames, tls?.implicit];
}

/**
 * The timeouts of a first attempt. Most hosts that have not greeted after a minute never do; one that is only slow gets
 * the full time of RFC 5321 §4.5.3.2.1 at the next attempt.
 */
const firstContactTimeouts: TimeoutOptions = { greetingMs: 60_000, helloMs: 60_000 };

/** The connect timeout: the shorter of the configured one and `connectMs`. */
function shortened(timeouts: TimeoutOptions, connectMs: number | undefined): TimeoutOptions {
  if (connectMs === undefined) return {};
  return { connectMs: Math.min(connectMs, timeouts.connectMs ?? connectMs) };
}
