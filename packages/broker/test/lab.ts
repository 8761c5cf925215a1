import { createServer } from 'node:net';
import {
  createCertificateAuthority,
  type DnsRecords,
  type DnsServer,
  type SmtpHost,
  type SmtpHostOptions,
  startDnsServer,
  startSmtpHost,
} from '@mb/testkit';
import { type BrokerOptions, MailBroker } from '../src/index.ts';

/** A mail exchanger of the lab: its address on loopback and what it does differently from a good server. */
export interface LabHost extends Omit<SmtpHostOptions, 'address' | 'port' | 'tls'> {
  readonly address: `127.${string}`;
  /** `true`: STARTTLS with a certificate for its name; or how the handshake goes wrong. */
  readonly tls?: boolean | 'garbage' | 'close' | 'hang';
}

/** What the lab holds: hosts by name, and the DNS records of `test.` relative to it. */
export interface LabPlan {
  readonly hosts?: Readonly<Record<string, LabHost>>;
  readonly records?: Readonly<Record<string, DnsRecords>>;
  readonly broker?: Partial<BrokerOptions> | ((port: number) => Partial<BrokerOptions>);
  /** Whether DNS answers carry the AD flag, as behind a validating resolver. */
  readonly authentic?: boolean;
  /** TLSA records (3 1 1) for the port of these hosts: their own key, or one that they do not have. */
  readonly tlsa?: Readonly<Record<string, 'right' | 'wrong'>>;
}

/** Real hosts and a real DNS server on loopback, with a broker that delivers to nothing else. */
export interface Lab extends AsyncDisposable {
  readonly broker: MailBroker;
  readonly dns: DnsServer;
  readonly hosts: Readonly<Record<string, SmtpHost>>;
  readonly port: number;
  readonly options: BrokerOptions;
}

export async function startLab(plan: LabPlan): Promise<Lab> {
  const port = await freePort();
  const authority = await createCertificateAuthority();
  const hosts: Record<string, SmtpHost> = {};
  const records: Record<string, DnsRecords> = { ...plan.records };
  for (const [name, { address, tls, ...options }] of Object.entries(plan.hosts ?? {})) {
    const hostname = `${name}.test`;
    const certificate = tls ? await authority.issue({ names: [hostname] }) : undefined;
    const handshake = typeof tls === 'string' ? { handshake: tls } : {};
    hosts[name] = await startSmtpHost({
      ...options,
      address,
      port,
      hostname,
      ...(certificate && { tls: { key: certificate.key, cert: certificate.cert, ...handshake } }),
    });
    records[name] = { A: address, ...records[name] };
    const tlsa = plan.tlsa?.[name];
    if (tlsa) {
      const other = tlsa === 'wrong' ? await authority.issue({ names: ['other.test'] }) : certificate!;
      records[`_${port}._tcp.${name}`] = { TLSA: other.tlsa(3, 1) };
    }
  }
  const dns = await startDnsServer({ zones: { test: { records, authentic: plan.authentic ?? false } } });
  const given = typeof plan.broker === 'function' ? plan.broker(port) : (plan.broker ?? {});
  const { delivery, tls, ...rest } = given;
  const options: BrokerOptions = {
    hostname: 'client.test',
    dns: { servers: [`${dns.address}:${dns.port}`] },
    ...rest,
    delivery: { port, allowAddresses: ['127.0.0.0/8'], ...delivery },
    tls: { ca: authority.root, ...tls },
  };
  return {
    broker: new MailBroker(options),
    dns,
    hosts,
    port,
    options,
    async [Symbol.asyncDispose]() {
      await Promise.all([dns.close(), ...Object.values(hosts).map((host) => host.close())]);
    },
  };
}

/** A port that is free on all of loopback's addresses, as far as one can know. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
