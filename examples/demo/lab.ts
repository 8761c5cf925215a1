import { generateKeyPair } from '@mb/dkim';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  type DnsServer,
  type DnsZone,
  reverseName,
  startDnsServer,
} from '@mb/testkit';
import { type ReceivingServer, startReceivingServer } from './receiving-server.ts';

/** What a sender on the internet has: a name, a signing key in DNS, and the mail exchangers of others. */
export interface Lab {
  readonly hostname: string;
  readonly dkim: { readonly domain: string; readonly selector: string; readonly privateKey: string };
  readonly dns: DnsServer;
  readonly servers: readonly ReceivingServer[];
  /** The certificate that vouches for the servers', PEM. */
  readonly authority: string;
  /** A certificate of it for another server. */
  issue(name: string): Promise<{ readonly key: string; readonly cert: string }>;
  close(): Promise<void>;
}

const DOMAIN = 'example.com';
const HOSTNAME = 'mail.example.com';
const SELECTOR = 'demo';
/** Connections to 127.0.1.x leave from here. */
const SENDER_ADDRESS = '127.0.0.1';
const EXCHANGERS = [
  { domain: 'north.test', hostname: 'mx.north.test', address: '127.0.1.1' },
  { domain: 'south.test', hostname: 'mx.south.test', address: '127.0.1.2' },
];

/** Starts two mail exchangers and the DNS that knows them and the sender. */
export async function startLab(): Promise<Lab> {
  const authority = await createCertificateAuthority('Demo Root');
  const [key, servers] = await Promise.all([
    generateKeyPair({ domain: DOMAIN, selector: SELECTOR }),
    startExchangers(authority),
  ]);
  const dns = await startDnsServer({
    zones: {
      [DOMAIN]: senderZone(key.dnsRecord),
      '127.in-addr.arpa': { records: { [reverseName(SENDER_ADDRESS)]: { PTR: HOSTNAME } } },
      ...Object.fromEntries(EXCHANGERS.map((exchanger) => [exchanger.domain, exchangerZone(exchanger)])),
    },
  });
  return {
    hostname: HOSTNAME,
    dkim: { domain: DOMAIN, selector: SELECTOR, privateKey: key.privateKey },
    dns,
    servers,
    authority: authority.root,
    issue: (name) => authority.issue({ names: [name] }),
    async close() {
      await Promise.all([dns.close(), ...servers.map((server) => server.close())]);
    },
  };
}

function senderZone(keyRecord: string): DnsZone {
  return {
    records: {
      '@': { MX: `10 ${HOSTNAME}`, TXT: `v=spf1 ip4:${SENDER_ADDRESS} -all` },
      [HOSTNAME]: { A: SENDER_ADDRESS, TXT: 'v=spf1 a -all' },
      [`${SELECTOR}._domainkey`]: { TXT: keyRecord },
      _dmarc: { TXT: 'v=DMARC1; p=reject; adkim=s; aspf=s' },
    },
  };
}

function exchangerZone({ hostname, address }: { hostname: string; address: string }): DnsZone {
  return { records: { '@': { MX: `10 ${hostname}` }, [hostname]: { A: address } } };
}

/** All on one port, as all mail exchangers of the world are on port 25. */
async function startExchangers(authority: CertificateAuthority): Promise<ReceivingServer[]> {
  const servers: ReceivingServer[] = [];
  for (const { hostname, address } of EXCHANGERS) {
    const certificate = await authority.issue({ names: [hostname] });
    servers.push(await startReceivingServer(hostname, address, servers[0]?.port ?? 0, certificate));
  }
  return servers;
}
