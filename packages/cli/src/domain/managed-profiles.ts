import type { BrokerOptions, SendingProfile } from '@mb/broker';
import type { ManagedDomains } from '@mb/broker/domains';
import type { KeyWrapping } from '@mb/broker/encryption';
import { readBrokerSettings } from '../config/broker-settings.ts';
import { CliError } from '../errors.ts';
import { warn } from '../output.ts';
import type { OpenStore } from '../queue/store.ts';
import type { DeliveryFlags } from '../send/flags.ts';
import { type DomainFlags, openDomains } from './domain-access.ts';
import { masterKeyWrapping } from './master-key.ts';

/** What a process that delivers needs to read the secrets of a queue. */
export interface QueueKeys {
  /** Encrypts and decrypts keys and secrets; undefined without a master key. */
  readonly wrapping: KeyWrapping | undefined;
  /** The managed domains; undefined when there is no master key and no domain. */
  readonly domains: ManagedDomains | undefined;
}

/**
 * Reads the master key of a process that delivers, once for all that it opens.
 *
 * @throws {CliError} MB_CLI_USAGE for a queue with domains whose keys could not be opened; MB_CLI_FILE.
 */
export async function openQueueKeys(flags: DomainFlags, store: OpenStore): Promise<QueueKeys> {
  const wrapping = await masterKeyWrapping(flags, warn);
  if (wrapping) return { wrapping, domains: await openDomains(flags, store, wrapping) };
  // Without its keys, mail of a managed domain would leave unsigned.
  if ((await store.records.list('domain', { limit: 1 })).rows.length === 0)
    return { wrapping, domains: undefined };
  throw new CliError(
    'MB_CLI_USAGE',
    'The queue has managed domains, whose mail cannot be signed without the master key: give --master-key FILE or MB_MASTER_KEY.',
  );
}

/** Adds managed domains to the options of a broker; mail of other domains is sent as `options` say. */
export async function withManagedDomains(
  options: BrokerOptions,
  domains: ManagedDomains,
  flags: DeliveryFlags,
): Promise<BrokerOptions> {
  const {
    dkim,
    dkimCheck,
    profileFor,
    delivery: { sources, routes, ...delivery } = {},
    queue,
    ...rest
  } = options;
  const { verp, ...queueRest } = queue ?? {};
  const shared = { ...(sources && { sources }), ...(routes && { routes }) };
  /** The profile that the flags describe, for mail of other domains. */
  const own: SendingProfile = {
    name: 'configured',
    ...shared,
    ...(dkim && { dkim }),
    ...(dkimCheck && { dkimCheck }),
    ...(verp && { verp }),
  };
  return {
    ...rest,
    ...(dkimCheck && { dkimCheck }),
    delivery,
    queue: queueRest,
    profileFor: domains.profileFor({
      defaults: shared,
      otherwise: profileFor ?? (() => own),
      configured: await configuredDomains(dkim, flags),
    }),
  };
}

async function configuredDomains(
  dkim: BrokerOptions['dkim'],
  flags: DeliveryFlags,
): Promise<readonly string[]> {
  const { domains } = await readBrokerSettings(flags.optionSections, () => {});
  if (domains) return domains.map(({ domain }) => domain).filter((domain) => domain !== '*');
  if (dkim === undefined || typeof dkim === 'function') return [];
  return (Array.isArray(dkim) ? dkim : [dkim]).map(({ domain }: { readonly domain: string }) => domain);
}
