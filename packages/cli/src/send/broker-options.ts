import { hostname as systemHostname } from 'node:os';
import type { BrokerOptions } from '@mb/broker';
import { allowedAddresses } from '../allow.ts';
import { CliError } from '../errors.ts';
import { readDevRoute } from './dev.ts';
import { readDkimKey } from './dkim-key.ts';
import { readInput } from './file.ts';
import type { DeliveryFlags, SignatureFlags } from './flags.ts';
import { readRelay } from './relay.ts';
import { readReplyRules } from './reply-rules.ts';

/**
 * The broker that the flags describe.
 *
 * @param authorDomain  Domain of From.
 * @param warn  Called with a warning about what is possible but dangerous.
 */
export async function brokerOptions(
  flags: SignatureFlags & DeliveryFlags,
  authorDomain: string,
  warn: (text: string) => void,
): Promise<BrokerOptions> {
  const { resolver, tls, ca, replyRules } = flags;
  const dkim = await readDkimKey(flags, authorDomain, warn);
  return {
    hostname: flags.hostname ?? ownHostname(flags.dev !== undefined),
    // Mail of a development server is not verified.
    ...(flags.dev !== undefined && { dkimCheck: 'off' as const }),
    ...(dkim && { dkim }),
    ...(resolver && { dns: { servers: commaList(resolver) } }),
    delivery: {
      ...deliveryOptions(flags),
      ...(replyRules !== undefined && { replyRules: await readReplyRules(replyRules) }),
    },
    tls: {
      ...(tls && { minimum: tls }),
      ...(ca !== undefined && { ca: (await readInput('--ca', ca)).toString() }),
    },
  };
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
    // In development no mail leaves, whatever else is configured.
    ...(dev !== undefined && { routes: { '*': readDevRoute(dev) } }),
    ...(localAddress && { sources: [{ name: 'local', localAddresses: localAddress }] }),
  };
}

function commaList(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(',')).map((one) => one.trim());
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
