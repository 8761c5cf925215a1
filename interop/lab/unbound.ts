import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDebianPackages } from './debian.ts';
import { makeFolder } from './folder.ts';
import { type LabProcess, startProcess } from './process.ts';

export interface UnboundOptions {
  /** Default `127.0.0.53`, port 53: the one that the lab's /etc/resolv.conf names. */
  readonly address?: string;
  /** Zone (without the final dot) → address of the server that is authoritative for it. */
  readonly zones: Readonly<Record<string, string>>;
  /** DS or DNSKEY records in presentation format; zones below none of them are insecure: answered without AD. */
  readonly trustAnchors?: readonly string[];
  /** More lines for the `server:` clause. */
  readonly settings?: readonly string[];
}

/** A running validating resolver. */
export interface Unbound extends Pick<LabProcess, 'output' | 'stop'> {
  readonly address: string;
}

/** Starts Unbound as a validating resolver in front of the lab's zones; a zone that fails validation answers SERVFAIL. */
export async function startUnbound(options: UnboundOptions): Promise<Unbound> {
  await ensureDebianPackages(['unbound']);
  const { address = '127.0.0.53' } = options;
  const folder = makeFolder('unbound');
  const configuration = join(folder, 'unbound.conf');
  writeFileSync(configuration, formatConfiguration(folder, address, options));
  const unbound = await startProcess('/usr/sbin/unbound', {
    args: ['-d', '-c', configuration],
    ready: { output: /start of service/ },
  });
  return { address, output: unbound.output, stop: unbound.stop };
}

function formatConfiguration(folder: string, address: string, options: UnboundOptions): string {
  const zones = Object.entries(options.zones);
  const settings = [
    ...zones.map(([zone]) => `local-zone: "${zone}" nodefault`).filter((line) => !line.includes('"."')),
    ...['test.', '127.in-addr.arpa.'].map((zone) => `local-zone: "${zone}" nodefault`),
    ...(options.trustAnchors ?? []).map((anchor) => `trust-anchor: "${anchor}"`),
    ...(options.settings ?? []),
  ];
  const stubs = zones.map(
    ([zone, server]) => `stub-zone:\n  name: "${zone}"\n  stub-addr: ${server}\n  stub-prime: no`,
  );
  return `server:
  directory: "${folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  num-threads: 1
  so-reuseport: no
  interface: ${address}@53
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-not-query-localhost: no
  outbound-msg-retry: 3
  module-config: "validator iterator"
  val-log-level: 2
  ${[...new Set(settings)].join('\n  ')}
remote-control:
  control-enable: no
${stubs.join('\n')}
`;
}
