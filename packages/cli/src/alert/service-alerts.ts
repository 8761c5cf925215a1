import { dirname, resolve } from 'node:path';
import type { BrokerOptions, MailBroker } from '@mb/broker';
import type { AlertOptions, Alerts, WatchedKey } from '@mb/broker/alerts';
import type { ManagedDomains } from '@mb/broker/domains';
import { createResolver } from '@mb/dns';
import { readBrokerSettings } from '../config/broker-settings.ts';
import { everyRow } from '../every-row.ts';
import { warn } from '../output.ts';
import type { StoreFlags } from '../queue/store-flag.ts';
import type { DeliveryFlags } from '../send/flags.ts';
import { type AlertFlags, readAlertFlags } from './alert-flags.ts';

/** What the alerts of a process are about. */
export interface AlertSubject {
  readonly flags: AlertFlags & DeliveryFlags & StoreFlags & { readonly tlsCert?: string };
  /** Options of the broker without those of managed domains. */
  readonly options: BrokerOptions;
  readonly domains: ManagedDomains | undefined;
  readonly onError: (error: unknown) => void;
}

/** Alerts of a process that delivers, not yet started. @throws {CliError}; {BrokerError} MB_BROKER_OPTION */
export async function serviceAlerts(broker: MailBroker, subject: AlertSubject): Promise<Alerts> {
  const { Alerts } = await import('@mb/broker/alerts');
  return new Alerts(broker, await serviceAlertOptions(subject));
}

/** The options of a process's alerts: what they check, and where they are sent. */
export async function serviceAlertOptions({
  flags,
  options,
  domains,
  onError,
}: AlertSubject): Promise<AlertOptions> {
  const given = await readAlertFlags(flags, warn);
  const { dns } = options;
  const configured = await configuredKeys(flags, options);
  const { store, tlsCert } = flags;
  return {
    ...(tlsCert !== undefined && { certificates: [tlsCert] }),
    ...(store?.kind === 'sqlite' && { disks: [dirname(resolve(store.path))] }),
    ...given,
    keys: async () => [...configured, ...(domains ? await managedKeys(domains) : [])],
    resolver: dns && 'query' in dns ? dns : createResolver(dns),
    onError,
  };
}

/** The keys that managed domains sign with; the authoritative servers were asked for their records. */
async function managedKeys(domains: ManagedDomains): Promise<WatchedKey[]> {
  const watched: WatchedKey[] = [];
  for await (const { domain, keys } of everyRow((page) => domains.list(page))) {
    for (const { selector, state, signs, seen } of keys) {
      if (state !== 'active') continue;
      watched.push({ domain, selector, seen: !signs ? 'absent' : seen === 'seen' ? 'seen' : 'unknown' });
    }
  }
  return watched;
}

/** The keys that the flags and the configuration name; mail of a development server is not verified. */
async function configuredKeys(flags: DeliveryFlags, { dkim }: BrokerOptions): Promise<WatchedKey[]> {
  if (flags.dev !== undefined) return [];
  const { domains } = await readBrokerSettings(flags.optionSections, () => {});
  return [dkim, ...(domains ?? []).map((domain) => domain.dkim)].flatMap((source) => {
    if (source === undefined || typeof source === 'function') return [];
    return (Array.isArray(source) ? source : [source]).flatMap(
      ({ domain, selector, keys }: NamedKeys): WatchedKey[] =>
        (keys ?? [{ selector }]).flatMap((key) =>
          key.selector === undefined ? [] : [{ domain, selector: key.selector }],
        ),
    );
  });
}

interface NamedKeys {
  readonly domain: string;
  readonly selector?: string;
  readonly keys?: readonly { readonly selector?: string }[];
}
