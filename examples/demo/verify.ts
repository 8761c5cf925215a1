import { Resolver } from 'node:dns/promises';
import { reverseName } from '@mb/testkit';
import { authenticate } from 'mailauth';
import type { ReceivedMessage } from './receiving-server.ts';

/** What a receiver would show as the original's authentication. */
export interface Verification {
  readonly spf: string;
  readonly dkim: string;
  readonly dmarc: string;
  /** The signing domain and selector. */
  readonly signature: string;
  /** The name of the client's address, when that name leads back to it. */
  readonly reverse: string | undefined;
  /** The whole Authentication-Results header field. RFC 8601. */
  readonly header: string;
}

/** Lets mailauth judge the octets that a server received, with a DNS that we choose and no code of ours. */
export async function verify(
  received: ReceivedMessage,
  mta: string,
  dnsServer: string,
): Promise<Verification> {
  const resolver = new Resolver();
  resolver.setServers([dnsServer]);
  const { ip, helo, sender, octets } = received;
  const { spf, dkim, dmarc, headers } = await authenticate(octets, {
    ip,
    helo,
    sender,
    mta,
    resolver: (name, type) => resolver.resolve(name, type) as Promise<string[]>,
    disableBimi: true,
  });
  const [signature] = dkim.results;
  return {
    spf: spf ? spf.status.result : 'none',
    dkim: signature?.status.result ?? 'none',
    dmarc: dmarc ? dmarc.status.result : 'none',
    signature: signature ? `${signature.selector}._domainkey.${signature.signingDomain}` : '',
    reverse: await confirmedName(ip, resolver),
    header: headers.match(/^Authentication-Results:.*(?:\r?\n[ \t].*)*/im)?.[0] ?? '',
  };
}

/** `resolver.reverse()` would read this machine's hosts file first. */
async function confirmedName(ip: string, resolver: Resolver): Promise<string | undefined> {
  for (const name of await resolver.resolvePtr(reverseName(ip)).catch(() => [])) {
    const addresses: string[] = await resolver.resolve4(name).catch(() => []);
    if (addresses.includes(ip)) return name;
  }
  return undefined;
}
