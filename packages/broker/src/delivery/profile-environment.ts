import type { Profile } from '../sending-profile.ts';
import type { AttemptEnvironment } from './attempt-scope.ts';

const environments = new WeakMap<Profile, AttemptEnvironment>();

/**
 * What all attempts under a profile share: the broker's environment, with the name, addresses, routes and limits of the
 * profile. One object for each profile.
 */
export function profileEnvironment(broker: AttemptEnvironment, profile: Profile): AttemptEnvironment {
  const known = environments.get(profile);
  if (known) return known;
  const { name, hostname, sources, routes, maxRecipients, timeouts, limits, tls } = profile;
  const environment: AttemptEnvironment = {
    ...broker,
    profile: name,
    hostname,
    delivery: { ...broker.delivery, sources, routes, maxRecipients, timeouts, limits },
    tls: { ...broker.tls, ...tls },
  };
  environments.set(profile, environment);
  return environment;
}
