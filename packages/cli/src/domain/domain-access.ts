import type { ManagedDomain, ManagedDomains } from '@mb/broker/domains';
import type { KeyWrapping } from '@mb/broker/encryption';
import { allowedAddresses } from '../allow.ts';
import { allRows } from '../every-row.ts';
import { warn } from '../output.ts';
import { type OpenStore, type StoreAccess, withStore } from '../queue/store.ts';
import type { StoreFlags } from '../queue/store-flag.ts';
import { serverClient } from '../remote/api.ts';
import type { ServerFlags } from '../remote/server-flag.ts';
import { brokerOptions } from '../send/broker-options.ts';
import type { DeliveryFlags } from '../send/flags.ts';
import { type MasterKeyFlags, masterKeyWrapping } from './master-key.ts';
import type { DomainAccess, ShownDomain } from './shown-domain.ts';

/** Flags of the commands on domains. */
export type DomainFlags = StoreFlags &
  ServerFlags &
  DeliveryFlags &
  MasterKeyFlags & { readonly json?: true };

/** Runs `work` on the domains of a queue or a server. */
export async function withDomains<Result>(
  flags: DomainFlags,
  access: StoreAccess,
  work: (domains: DomainAccess) => Promise<Result>,
): Promise<Result> {
  if (flags.server !== undefined) {
    const { remoteDomains } = await import('../remote/remote-domains.ts');
    return work(remoteDomains(await serverClient(flags.server), flags.server));
  }
  const wrapping = await masterKeyWrapping(flags, warn);
  return withStore(flags, access, async (store) =>
    work(localDomains(await openDomains(flags, store, wrapping))),
  );
}

/**
 * Opens the domains of a queue, with the host name and addresses that the flags give the service.
 *
 * @param wrapping  Encrypts and decrypts their keys; undefined: domains can be read, but not signed for.
 */
export async function openDomains(
  flags: DomainFlags,
  store: OpenStore,
  wrapping: KeyWrapping | undefined,
): Promise<ManagedDomains> {
  const { createWrappingVault, ManagedDomains } = await import('@mb/broker/domains');
  // Reading domains needs no key.
  const options = await brokerOptions(flags, '', warn, 'explain');
  return new ManagedDomains({
    records: store.records,
    hostname: options.hostname,
    addresses: (options.delivery?.sources ?? []).flatMap(({ localAddresses }) => localAddresses),
    ...(wrapping && { vault: createWrappingVault(wrapping) }),
    ...(options.dns && { dns: options.dns }),
    ...(flags.allow && { allowAddresses: allowedAddresses(flags.allow) }),
  });
}

function localDomains(domains: ManagedDomains): DomainAccess {
  return {
    add: async (domain) => shownOf(await domains.add(domain)),
    list: async () => (await allRows((page) => domains.list(page))).map(shownOf),
    get: async (domain) => shownOf(await domains.get(domain)),
    change: async (domain, changes) => shownOf(await domains.change(domain, changes)),
    mtaSts: (domain) => domains.mtaSts(domain),
    async check(name) {
      const { ok, domain, records } = await domains.check(name);
      return { ok, domain: shownOf(domain), records };
    },
    rotate: async (domain) => shownOf(await domains.rotate(domain)),
    removeKey: async (domain, selector, force) =>
      shownOf(await domains.removeKey(domain, selector, { force })),
    remove: (domain) => domains.remove(domain),
  };
}

function shownOf({ createdAt, keys, ...rest }: ManagedDomain): ShownDomain {
  const iso = (at: number) => new Date(at).toISOString();
  return {
    ...rest,
    createdAt: iso(createdAt),
    keys: keys.map(({ since, keepUntil, ...key }) => ({
      ...key,
      since: iso(since),
      ...(keepUntil !== undefined && { keepUntil: iso(keepUntil) }),
    })),
  } as ShownDomain;
}
