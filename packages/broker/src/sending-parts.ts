import {
  createMtaStsCache,
  createResolver,
  fetchMtaStsPolicy,
  type MtaStsCache,
  type Resolver,
} from '@mb/dns';
import { type Clock, systemClock } from './clock.ts';
import type { AttemptEnvironment } from './delivery/attempt-scope.ts';

import { HostExperiences } from './delivery/host-experiences.ts';
import { LiveReplyRules } from './delivery/live-reply-rules.ts';
import type { ComposeEnvironment } from './message/outgoing-message.ts';
import { Observers, observationTypes } from './observer.ts';
import type { BrokerOptions, SendingSettings } from './options.ts';
import { warn } from './process-warning.ts';
import { Profiles } from './profiles.ts';
import { EgressWatch } from './route/egress-watch.ts';
import { LocalWatch } from './route/local-watch.ts';
import { ResolverWatch } from './route/resolver-watch.ts';
import type { VerpOptions } from './sender/verp.ts';

/** What sending takes; the sender and the worker of one broker share it. */
export interface SendingParts {
  readonly settings: SendingSettings;
  readonly environment: AttemptEnvironment & { readonly replyRules: LiveReplyRules };
  readonly compose: ComposeEnvironment;
  readonly profiles: Profiles;
}

/** @throws DkimError MB_DKIM_KEY_… for a key that cannot sign; DnsError MB_DNS_OPTION for wrong `dns` options. */
export function createSendingParts(settings: SendingSettings, verp?: VerpOptions): SendingParts {
  const { delivery, tls = {}, onTranscript, observer } = settings;
  const { clock = systemClock, random = Math.random, randomBytes, openSocket } = settings.runtime ?? {};
  const resolver = toResolver(settings.dns);
  const mtaSts = createPolicies(settings, resolver, clock);
  const observers = new Observers(warn);
  if (onTranscript) observers.add(['line'], ({ line }) => onTranscript(line));
  if (observer) observers.add(observationTypes, observer);
  return {
    settings,
    environment: {
      profile: '',
      hostname: settings.hostname,
      resolver,
      ...(mtaSts && { mtaSts }),
      dane: tls.dane ?? true,
      port: delivery.port,
      delivery,
      tls,
      clock,
      random,
      egress: new EgressWatch(clock, delivery.port),
      resolverWatch: new ResolverWatch(clock),
      localWatch: new LocalWatch(clock),
      experiences: new HostExperiences(clock),
      replyRules: new LiveReplyRules(delivery.replyRules),
      ...(openSocket && { openSocket }),
      observers,
    },
    compose: { now: () => clock.now(), ...(randomBytes && { randomBytes }) },
    profiles: new Profiles({ settings, verp, resolver, clock, onWarning: warn }),
  };
}

/** The resolver that was given, or one with the options that were given. */
export function toResolver(dns: BrokerOptions['dns']): Resolver {
  return dns && 'query' in dns ? dns : createResolver(dns);
}

function createPolicies(
  { tls, delivery }: SendingSettings,
  resolver: Resolver,
  clock: Clock,
): MtaStsCache | undefined {
  if (tls?.mtaSts === false) return undefined;
  const { store, ...fetchOptions } = tls?.mtaSts ?? {};
  const { allowAddresses } = delivery;
  return createMtaStsCache(resolver, {
    clock,
    ...(store && { store }),
    fetchPolicy: (domain, signal) =>
      fetchMtaStsPolicy(domain, resolver, {
        clock,
        allowAddresses,
        ...fetchOptions,
        ...(signal && { signal }),
      }),
  });
}
