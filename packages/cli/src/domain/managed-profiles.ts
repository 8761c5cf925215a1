import type { BrokerOptions, SendingProfile } from '@mb/broker';
import type { ManagedDomains } from '@mb/broker/domains';
import { readBrokerSettings } from '../config/broker-settings.ts';
import { CliError } from '../errors.ts';
import type { OpenStore } from '../queue/store.ts';
import type { DeliveryFlags } from '../send/flags.ts';
import { type DomainFlags, openDomains } from './domain-access.ts';
import { hasMasterKey } from './master-key.ts';

/**
 * The managed domains of a queue, for a process that delivers; undefined when there is no master key and no domain.
 *
 * @throws {CliError} MB_CLI_USAGE for a queue with domains whose keys could not be opened.
 */
export async function managedDomains(
  flags: DomainFlags,
  store: OpenStore,
): Promise<ManagedDomains | undefined> {
  if (hasMasterKey(flags)) return openDomains(flags, store);
  // Without them, mail of these domains would leave unsigned.
  if ((await store.records.list('domain', { limit: 1 })).rows.length === 0) return undefined;
  throw new CliError(
    'MB_CLI_USAGE',
    'The queue has managed domains, whose mail cannot be signed without the master key: give --master-key FILE or MB_MASTER_KEY.',
  );
}

/** Options of a broker that sends as managed domains, and otherwise as before. */
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
  /** What the flags describe: the one profile of a broker without domains. */
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
