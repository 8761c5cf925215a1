import type { Resolver } from '@mb/dns';
import type { Clock } from './clock.ts';
import { readSendingProfile, type SendingSettings } from './options.ts';
import { createKeyring } from './sender/keyring.ts';
import { obtain } from './sender/obtain.ts';
import type { VerpOptions } from './sender/verp.ts';
import type { Profile, ProfiledMessage, SendingProfile } from './sending-profile.ts';

/** What profiles take from their broker. */
export interface ProfilesOptions {
  readonly settings: SendingSettings;
  /** `queue.verp` of the broker. */
  readonly verp?: VerpOptions | undefined;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly onWarning: (warning: string) => void;
}

/** Finds out who a message is sent as: the one profile that the broker's options describe, or what `profileFor` gives. */
export class Profiles {
  /** What the broker's own options describe. */
  readonly own: Profile;
  readonly #options: ProfilesOptions;
  readonly #known = new WeakMap<SendingProfile, Profile>();

  /** @throws DkimError MB_DKIM_KEY_… for a key that cannot sign. */
  constructor(options: ProfilesOptions) {
    this.#options = options;
    const { hostname, dkim, dkimCheck, delivery, tls } = options.settings;
    this.own = {
      name: '',
      hostname,
      keyring: this.#keyring(dkim, dkimCheck),
      sources: delivery.sources,
      verp: options.verp,
      tls: tls ?? {},
      routes: delivery.routes,
      maxRecipients: delivery.maxRecipients,
      timeouts: delivery.timeouts,
      limits: delivery.limits,
    };
  }

  /** Whether all messages have the same profile. */
  get single(): boolean {
    return this.#options.settings.profileFor === undefined;
  }

  /** @throws {BrokerError} MB_BROKER_PROFILE_FAILED; the reason of `signal` */
  for(message: ProfiledMessage, signal?: AbortSignal): Profile | Promise<Profile> {
    const { settings, clock } = this.#options;
    const { profileFor } = settings;
    if (!profileFor) return this.own;
    const whose = message.tenant === undefined ? '' : ` of tenant ${JSON.stringify(message.tenant)}`;
    return obtain(
      `a sending profile for mail from ${message.authorDomain}${whose}`,
      () => profileFor(message),
      (given) => {
        const profile = this.#known.get(given) ?? this.#read(given);
        this.#known.set(given, profile);
        return profile;
      },
      { clock, signal },
    );
  }

  #read(given: SendingProfile): Profile {
    const profile = readSendingProfile(given, 'profileFor: profile');
    const { own } = this;
    return {
      name: profile.name,
      hostname: profile.hostname ?? own.hostname,
      keyring: this.#keyring(profile.dkim, profile.dkimCheck ?? this.#options.settings.dkimCheck),
      sources: profile.sources ?? [],
      verp: profile.verp,
      tls: { ...own.tls, ...profile.tls },
      routes: profile.routes ?? {},
      maxRecipients: profile.maxRecipients ?? own.maxRecipients,
      timeouts: profile.timeouts ?? own.timeouts,
      limits: profile.limits ?? own.limits,
    };
  }

  #keyring(dkim: SendingProfile['dkim'], check: SendingProfile['dkimCheck']) {
    const { resolver, clock, onWarning } = this.#options;
    return createKeyring(dkim, { check: check ?? 'warn', resolver, clock, onWarning });
  }
}
