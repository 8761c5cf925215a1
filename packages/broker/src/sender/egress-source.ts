import { isIP, isIPv6 } from 'node:net';
import { type OpenSocket, openTcp } from '@mb/smtp-client';
import { list, matching, type OptionTable, required, text } from '../option-table.ts';

/** A fully-qualified name, or an address literal where there is none (RFC 5321 §4.1.1.1). */
export const ehloName = /^(?:[\w-]+(?:\.[\w-]+)+|\[[\w.:]+\])$/;

/** An address that we send from, with the name that belongs to it. */
export interface EgressSource {
  /** For people and for reports. */
  readonly name: string;
  /** EHLO name; the reverse name of the addresses should be the same. Default: the broker's. */
  readonly hostname?: string | undefined;
  /** At most one IPv4 and one IPv6 address of this machine; hosts of the other family are not dialled. */
  readonly localAddresses: readonly string[];
  /** Share of the traffic, relative to the other sources. Default 1. */
  readonly weight?: number | undefined;
}

/** What `EgressSource` accepts. */
export const egressSource = {
  name: required(text('a string that is not empty', { pattern: /./s })),
  hostname: text('the name that this source says in EHLO, such as "mail2.example.com"', {
    pattern: ehloName,
  }),
  localAddresses: required(
    list(
      matching<string>(
        'an IP address of this machine',
        (value) => typeof value === 'string' && isIP(value) !== 0,
      ),
      1,
    ),
  ),
  weight: matching<number>('a number above 0', (value) => Number.isFinite(value) && (value as number) > 0),
} satisfies OptionTable<EgressSource>;

/** Picks a source by weight; undefined when none is configured, and the machine chooses. */
export function chooseSource(
  sources: readonly EgressSource[],
  random: () => number,
): EgressSource | undefined {
  const total = sources.reduce((sum, { weight = 1 }) => sum + weight, 0);
  let point = random() * total;
  for (const source of sources) {
    point -= source.weight ?? 1;
    if (point < 0) return source;
  }
  return sources.at(-1);
}

/** The addresses of a host that a source can reach. */
export function reachableFrom<A extends { readonly family: 4 | 6 }>(
  source: EgressSource | undefined,
  addresses: readonly A[],
): readonly A[] {
  if (!source) return addresses;
  return addresses.filter(({ family }) => localAddressFor(source, family === 6) !== undefined);
}

/** Opens sockets from the source's address of the same family as the target. */
export function openFrom(source: EgressSource, open: OpenSocket = openTcp): OpenSocket {
  return (target) => {
    const localAddress = localAddressFor(source, isIPv6(target.address));
    return open(localAddress === undefined ? target : { ...target, localAddress });
  };
}

function localAddressFor({ localAddresses }: EgressSource, ipv6: boolean): string | undefined {
  return localAddresses.find((address) => isIPv6(address) === ipv6);
}
