import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { readdirSync } from 'node:fs';
import { createResolver } from '@mb/dns';
import { decode, encode } from 'dns-packet';
import type { Contender, Field } from '../harness/row.ts';
import { startDnsServer } from './server.ts';
import { addressOf, hostName } from './zone.ts';

/** Addresses in the order of the names, and how many descriptors were open at the worst moment. */
interface Lookups {
  readonly addresses: readonly (string | undefined)[];
  readonly mostDescriptors: number;
}

/** RFC 5452 wants a fresh port for each query, so sockets are many; but never one for each of 10,000 lookups. */
const MOST_DESCRIPTORS = 600;

/** Asks for all names at once; the limit sends ready-made queries over one socket, a window at a time. */
export async function lookupsField(count: number): Promise<Field> {
  const server = await startDnsServer();
  const names = Array.from({ length: count }, (_, i) => hostName(i));
  const at = `127.0.0.1:${server.port}`;
  const ours = createResolver({ servers: [at], cache: false });
  const cares = new Resolver();
  cares.setServers([at]);
  const all = (lookUp: (name: string) => Promise<string | undefined>) => async (): Promise<Lookups> => {
    const watch = watchDescriptors();
    try {
      return { addresses: await Promise.all(names.map(lookUp)), mostDescriptors: watch.most() };
    } finally {
      watch.stop();
    }
  };
  const check = (output: unknown) => checkLookups(output as Lookups, names);
  const contenders: Contender[] = [
    {
      name: '@mb/dns',
      role: 'ours',
      run: all(async (name) => {
        const answer = await ours.query(name, 'A');
        return answer.status === 'found' ? answer.records[0] : undefined;
      }),
      check,
    },
    {
      name: 'node:dns (c-ares)',
      role: 'peer',
      run: all(async (name) => (await cares.resolve4(name).catch(() => []))[0]),
      check,
    },
    {
      name: 'bare UDP in a window',
      role: 'limit',
      run: async () => ({ addresses: await askInWindow(names, server.port), mostDescriptors: 0 }),
      check,
    },
  ];
  return { contenders, operationsPerRun: count, close: () => server.stop() };
}

/** Keeps 256 queries in flight on one socket; the server loses none, so nothing is sent twice. */
function askInWindow(names: readonly string[], port: number): Promise<string[]> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 2 ** 20 });
  const addresses: string[] = new Array(names.length);
  let sent = 0;
  let received = 0;
  const sendNext = () => {
    const query = encode({
      type: 'query',
      id: sent,
      flags: 0x0100,
      questions: [{ type: 'A', name: names[sent]! }],
    });
    sent++;
    socket.send(query, port, '127.0.0.1');
  };
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (octets) => {
      const { id, answers } = decode(octets);
      const [answer] = answers ?? [];
      if (answer?.type === 'A') addresses[id!] = answer.data;
      if (++received === names.length) {
        socket.close();
        resolve(addresses);
      } else if (sent < names.length) sendNext();
    });
    while (sent < Math.min(256, names.length)) sendNext();
  });
}

function checkLookups({ addresses, mostDescriptors }: Lookups, names: readonly string[]): string | undefined {
  const lost = names.filter((name, i) => addresses[i] !== addressOf(name)).length;
  if (lost > 0) return `${lost} of ${names.length} lookups without their answer`;
  return mostDescriptors > MOST_DESCRIPTORS ? `${mostDescriptors} descriptors open at once` : undefined;
}

/** Samples the number of open descriptors every few milliseconds. */
function watchDescriptors(): { most(): number; stop(): void } {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, readdirSync('/proc/self/fd').length);
  }, 5);
  return { most: () => most, stop: () => clearInterval(timer) };
}
