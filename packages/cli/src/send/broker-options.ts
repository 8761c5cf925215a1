import { hostname as systemHostname } from 'node:os';
import { type BrokerOptions, type DomainProfile, profilesByDomain, type SendingProfile } from '@mb/broker';
import { allowedAddresses } from '../allow.ts';
import { type BrokerSettings, readBrokerSettings } from '../config/broker-settings.ts';
import { CliError } from '../errors.ts';
import { splitAtCommas } from '../parse-flag.ts';
import { readDevRoute } from './dev.ts';
import { readDkimKey } from './dkim-key.ts';
import { readInput } from './file.ts';
import type { DeliveryFlags, SignatureFlags } from './flags.ts';
import { readRelay } from './relay.ts';
import { readReplyRules } from './reply-rules.ts';

/**
 * The options of the broker from the flags and the configuration; flags override it.
 *
 * @param authorDomain  Domain of From.
 * @param warn  Called with a sentence for each setting that works but is dangerous.
 * @param use  `queue` is for the worker of a queue. `send` leaves out VERP, whose return paths need a queue. `explain`
 *   also leaves out the DKIM key, since it signs nothing.
 */
export async function brokerOptions(
  flags: SignatureFlags & DeliveryFlags,
  authorDomain: string,
  warn: (text: string) => void,
  use: 'send' | 'queue' | 'explain' = 'send',
): Promise<BrokerOptions> {
  const settings = await readBrokerSettings(flags.optionSections, warn);
  const { broker, domains } = use === 'queue' ? settings : withoutVerp(settings);
  const signs = use !== 'explain';
  if (domains && signs) refuseKeyBesideDomains(flags);
  const dkim = domains || !signs ? undefined : await readDkimKey(flags, authorDomain, warn);
  const { resolver, tls, ca, replyRules } = flags;
  const options: BrokerOptions = {
    ...broker,
    hostname: flags.hostname ?? broker.hostname ?? ownHostname(flags.dev !== undefined),
    // Mail of a development server is not verified.
    ...(flags.dev !== undefined && { dkimCheck: 'off' as const }),
    ...(dkim && { dkim }),
    ...(resolver && { dns: { ...resolverOptions(broker), servers: splitAtCommas(resolver) } }),
    delivery: {
      ...broker.delivery,
      ...deliveryOptions(flags),
      ...(replyRules !== undefined && { replyRules: await readReplyRules(replyRules) }),
    },
    tls: {
      ...broker.tls,
      ...(tls && { minimum: tls }),
      ...(ca !== undefined && { ca: (await readInput('--ca', ca)).toString() }),
    },
  };
  return domains ? withDomains(options, domains, flags) : options;
}

/** Whether a message of this domain and tenant will be signed, as far as is known in advance. */
export async function willSign(
  { dkim, profileFor }: BrokerOptions,
  message: { readonly authorDomain: string; readonly tenant?: string | undefined },
): Promise<boolean> {
  if (!profileFor) return dkim !== undefined;
  try {
    const { authorDomain, tenant } = message;
    const profile = await profileFor({ authorDomain, tenant, tag: undefined, sender: '' });
    return profile.dkim !== undefined;
  } catch {
    // The outcome of each recipient will say that there is no profile; a warning would say it twice.
    return true;
  }
}

function withoutVerp({ broker, domains, ...rest }: BrokerSettings): BrokerSettings {
  const { verp: _, ...queue } = broker.queue ?? {};
  return {
    ...rest,
    broker: { ...broker, queue },
    domains: domains?.map(({ verp: _verp, ...domain }) => domain),
  };
}

/** Moves the options of a profile into the profile of every domain, since the flags apply to all domains. */
function withDomains(
  { delivery: { sources, routes, ...delivery } = {}, ...options }: BrokerOptions,
  domains: readonly DomainProfile[],
  { tls, ca, dev }: DeliveryFlags,
): BrokerOptions {
  const profiles = domains.map(
    (domain): DomainProfile => ({
      ...domain,
      ...(dev !== undefined && { dkimCheck: 'off' as const }),
      ...(sources && { sources }),
      ...(routes && { routes }),
      tls: {
        ...domain.tls,
        ...(tls && { minimum: stricter(tls, domain.tls?.minimum) }),
        ...(ca !== undefined && { ca: options.tls?.ca }),
      },
    }),
  );
  return { ...options, delivery, profileFor: profilesByDomain(profiles) };
}

const tlsLevels = ['opportunistic', 'required', 'verified'] as const;
type TlsMinimum = NonNullable<NonNullable<SendingProfile['tls']>['minimum']>;

function stricter(one: TlsMinimum, other: TlsMinimum = 'opportunistic'): TlsMinimum {
  return tlsLevels.indexOf(one) > tlsLevels.indexOf(other) ? one : other;
}

function refuseKeyBesideDomains(flags: SignatureFlags): void {
  const given = Object.entries({
    '--dkim-key': flags.dkimKey,
    '--dkim-selector': flags.dkimSelector,
    '--dkim-domain': flags.dkimDomain,
    MB_DKIM_KEY: process.env.MB_DKIM_KEY,
  }).find(([, value]) => value !== undefined);
  if (!given) return;
  const message = `The configuration has domains, whose keys belong there as dkim; leave out ${given[0]}.`;
  throw new CliError('MB_CLI_USAGE', message);
}

/** The resolver options of the configuration; empty when it has a resolver object. */
function resolverOptions({ dns }: Partial<BrokerOptions>): object {
  return dns && !('query' in dns) ? dns : {};
}

function deliveryOptions({
  port,
  allow,
  family,
  relay,
  dev,
  tls,
  localAddress,
}: DeliveryFlags): NonNullable<BrokerOptions['delivery']> {
  return {
    ...(port !== undefined && { port }),
    ...(allow && { allowAddresses: allowedAddresses(allow) }),
    ...(family && { families: [family === '4' ? 4 : 6] as const }),
    ...(dev === undefined && relay !== undefined && { routes: { '*': readRelay(relay, tls) } }),
    // With --dev no mail leaves, whatever else is configured.
    ...(dev !== undefined && { routes: { '*': readDevRoute(dev) } }),
    ...(localAddress && { sources: [{ name: 'local', localAddresses: localAddress }] }),
  };
}

function ownHostname(anyWillDo: boolean): string {
  const name = systemHostname();
  if (name.includes('.')) return name;
  if (anyWillDo) return 'dev.invalid';
  throw new CliError(
    'MB_CLI_USAGE',
    `The name of this machine, "${name}", is not a public host name; give --hostname mail.example.com.`,
  );
}
