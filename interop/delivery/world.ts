import { generateKeyPair, type KeyPair } from '@mb/dkim';
import { makeAuthority } from '../lab/certificate.ts';
import { type Exim, startExim } from '../lab/exim.ts';
import type { LabZone } from '../lab/knot.ts';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { type SignedDns, startSignedDns } from '../lab/signed-dns.ts';

/**
 * A sender's domain with its key in DNS, and the domains of recipients with real mail exchangers, all found through
 * a validating resolver.
 *
 * | domain | zone | mail exchangers |
 * | --- | --- | --- |
 * | example.com | signed | the sender's: SPF, DKIM keys, DMARC |
 * | north.test | signed | Postfix with STARTTLS |
 * | south.test | signed | first a host without a listener, then a second Postfix |
 * | east.test | unsigned | Exim with STARTTLS |
 * | old.test | signed | Postfix that knows no TLS newer than 1.1 |
 * | plain.test | signed | no MX: the Postfix at the domain's own address, without STARTTLS |
 * | closed.test | signed | none: a null MX |
 */
export interface World {
  readonly dns: SignedDns;
  readonly north: Postfix;
  readonly south: Postfix;
  readonly east: Exim;
  readonly old: Postfix;
  readonly plain: Postfix;
  readonly rsaKey: KeyPair;
  readonly ed25519Key: KeyPair;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const [rsaKey, ed25519Key, authority] = await Promise.all([
    generateKeyPair({ domain: 'example.com', selector: 'rsa' }),
    generateKeyPair({ domain: 'example.com', selector: 'ed', algorithm: 'ed25519-sha256' }),
    makeAuthority(),
  ]);
  const certify = (name: string) => authority.issue({ names: [name] });
  const dns = await startSignedDns(listZones(rsaKey, ed25519Key));
  const servers = await startTogether({
    north: async () =>
      startPostfix({
        hostname: 'mx.north.test',
        addresses: ['127.0.1.25'],
        mailboxes: ['alice@north.test', 'anna@north.test', 'archive@north.test'],
        certificate: await certify('mx.north.test'),
      }),
    south: async () =>
      startPostfix({
        hostname: 'mx2.south.test',
        addresses: ['127.0.2.26'],
        mailboxes: ['bob@south.test'],
        certificate: await certify('mx2.south.test'),
      }),
    east: async () =>
      startExim({
        hostname: 'mx.east.test',
        addresses: ['127.0.3.25'],
        mailboxes: ['eve@east.test'],
        certificate: await certify('mx.east.test'),
      }),
    old: async () =>
      startPostfix({
        hostname: 'mx.old.test',
        addresses: ['127.0.4.25'],
        mailboxes: ['otto@old.test'],
        certificate: await certify('mx.old.test'),
        settings: { smtpd_tls_protocols: '!TLSv1.2, !TLSv1.3' },
      }),
    plain: async () =>
      startPostfix({ hostname: 'plain.test', addresses: ['127.0.5.25'], mailboxes: ['pia@plain.test'] }),
  }).catch(async (error) => {
    await dns.stop();
    throw error;
  });
  const stop = async () => {
    await Promise.all(Object.values(servers).map((server) => server.stop()));
    await dns.stop();
  };
  return { dns, rsaKey, ed25519Key, ...servers, stop };
}

interface Server {
  stop(): Promise<void>;
}

/** Starts all servers side by side; when one fails, the others are stopped before the error goes on. */
async function startTogether<Servers extends Record<string, Server>>(
  starts: {
    readonly [Name in keyof Servers]: () => Promise<Servers[Name]>;
  },
): Promise<Servers> {
  const names = Object.keys(starts);
  const settled = await Promise.allSettled(names.map((name) => starts[name]!()));
  const failure = settled.find((each) => each.status === 'rejected');
  if (failure) {
    await Promise.all(settled.map((each) => each.status === 'fulfilled' && each.value.stop()));
    throw failure.reason;
  }
  return Object.fromEntries(
    names.map((name, index) => [name, (settled[index] as PromiseFulfilledResult<Server>).value]),
  ) as Servers;
}

function listZones(rsaKey: KeyPair, ed25519Key: KeyPair): LabZone[] {
  const strings = ({ dnsStrings }: KeyPair) =>
    dnsStrings.map((each) => `"${each.replaceAll(';', '\\;')}"`).join(' ');
  return [
    {
      name: 'example.com',
      records: [
        '@ MX 10 mail',
        'mail A 127.0.0.1',
        '@ TXT "v=spf1 ip4:127.0.0.0/8 -all"',
        `rsa._domainkey TXT ${strings(rsaKey)}`,
        `ed._domainkey TXT ${strings(ed25519Key)}`,
        '_dmarc TXT "v=DMARC1\\; p=reject\\; adkim=s\\; aspf=s"',
      ],
    },
    { name: 'north.test', records: ['@ MX 10 mx', 'mx A 127.0.1.25'] },
    { name: 'south.test', records: ['@ MX 10 mx1', '@ MX 20 mx2', 'mx1 A 127.0.2.25', 'mx2 A 127.0.2.26'] },
    { name: 'east.test', signed: false, records: ['@ MX 10 mx', 'mx A 127.0.3.25'] },
    { name: 'old.test', records: ['@ MX 10 mx', 'mx A 127.0.4.25'] },
    { name: 'plain.test', records: ['@ A 127.0.5.25'] },
    { name: 'closed.test', records: ['@ MX 0 .'] },
  ];
}
