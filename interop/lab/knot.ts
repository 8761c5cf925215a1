import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureDebianPackages } from './debian.ts';
import { makeFolder } from './folder.ts';
import { mustRun, startProcess } from './process.ts';

/** A zone of the lab: its records as zone-file lines, without SOA and NS (the lab adds them). */
export interface LabZone {
  /** Without the final dot, for example `example.com`; the root zone is `.`. */
  readonly name: string;
  /** Names relative to the zone, or absolute with a final dot: `@ MX 10 mx1`, `mx1 A 127.0.1.25`. TTL 300 unless given. */
  readonly records: readonly string[];
  /** Default true. */
  readonly signed?: boolean;
}

export interface KnotOptions {
  /** Default `127.0.0.54`, port 53. */
  readonly address?: string;
  readonly zones: readonly LabZone[];
}

/** A running Knot that signs its zones in memory. */
export interface Knot {
  readonly address: string;
  readonly zones: readonly LabZone[];
  /** DS records of the signed zones, as trust anchors for a resolver: `example.com. DS 12345 13 2 …`. */
  readonly trustAnchors: readonly string[];
  /** Replaces the records of a name and type and signs again, at once. Data in presentation format; none removes the set. */
  setRecords(zone: string, owner: string, type: string, data: readonly string[]): Promise<void>;
  output(): string;
  stop(): Promise<void>;
}

/** Starts an authoritative name server that signs its zones on the fly (ECDSA P-256, one key a zone). */
export async function startKnot(options: KnotOptions): Promise<Knot> {
  await ensureDebianPackages(['knot']);
  const { address = '127.0.0.54', zones } = options;
  const folder = makeFolder('knot');
  const configuration = join(folder, 'knot.conf');
  mkdirSync(join(folder, 'db'));
  writeFileSync(configuration, formatConfiguration(folder, address, zones));
  for (const zone of zones) writeFileSync(join(folder, fileName(zone)), formatZone(zone, address));

  const knot = await startProcess('/usr/sbin/knotd', {
    args: ['-c', configuration],
    ready: { address, port: 53 },
  });
  const control = (...args: string[]) =>
    mustRun('/usr/sbin/knotc', ['-s', join(folder, 'knot.sock'), '-b', ...args]);
  try {
    const trustAnchors: string[] = [];
    for (const zone of zones) {
      await knot.waitForOutput(
        new RegExp(
          `\\[${origin(zone.name).replaceAll('.', '\\.')}\\] (loaded|zone file loaded|DNSSEC, next signing)`,
        ),
      );
      if (zone.signed !== false) trustAnchors.push(await readTrustAnchor(configuration, zone.name));
    }
    return {
      address,
      zones,
      trustAnchors,
      async setRecords(zone, owner, type, data) {
        const at = origin(zone);
        await control('zone-begin', at);
        // Removing a set that is not there is an error of no interest here.
        await control('zone-unset', at, owner, type).catch(() => {});
        for (const each of data) await control('zone-set', at, owner, '300', type, each);
        await control('zone-commit', at);
      },
      output: knot.output,
      stop: knot.stop,
    };
  } catch (error) {
    await knot.stop();
    throw error;
  }
}

/** The key appears when the zone is signed for the first time, shortly after the port opens. */
async function readTrustAnchor(configuration: string, zone: string): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const lines = (await mustRun('/usr/sbin/keymgr', ['-c', configuration, origin(zone), 'ds'])).split('\n');
    const sha256 = lines.find((line) => / 13 2 [0-9a-f]{64}$/i.test(line));
    if (sha256) return sha256;
    await sleep(50);
  }
  throw new Error(`Knot made no key for ${zone}`);
}

function formatConfiguration(folder: string, address: string, zones: readonly LabZone[]): string {
  const entries = zones.map((zone) => {
    const signing = zone.signed === false ? '' : '\n    dnssec-signing: on\n    dnssec-policy: lab';
    return `  - domain: ${origin(zone.name)}\n    file: ${fileName(zone)}${signing}`;
  });
  return `server:
    rundir: ${folder}
    listen: ${address}@53
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stdout
    any: info
database:
    storage: ${folder}/db
control:
    listen: ${folder}/knot.sock
policy:
  - id: lab
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: ${folder}
    zonefile-sync: -1
    journal-content: none
zone:
${entries.join('\n')}
`;
}

function formatZone(zone: LabZone, address: string): string {
  const at = origin(zone.name);
  const server = zone.name === '.' ? 'ns.root-servers.test.' : `ns.${at}`;
  return `$ORIGIN ${at}
$TTL 300
@ SOA ${server} hostmaster.example.net. 1 3600 600 86400 60
@ NS ${server}
${server} A ${address}
${zone.records.join('\n')}
`;
}

function origin(name: string): string {
  return name.endsWith('.') ? name : `${name}.`;
}

function fileName(zone: LabZone): string {
  return zone.name === '.' ? 'root.zone' : `${zone.name}.zone`;
}
