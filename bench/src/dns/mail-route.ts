import { createResolver, findMailRoute, type MailRoute } from '@mb/dns';
import type { Field } from '../harness/row.ts';
import { startDnsServer } from './server.ts';
import { addressOf, DOMAIN, hostName } from './zone.ts';

/** Finds the mail route of a domain whose records are in the cache already; the limit only reads them from a map. */
export async function cachedRouteField(): Promise<Field> {
  const server = await startDnsServer();
  const resolver = createResolver({ servers: [`127.0.0.1:${server.port}`] });
  // 198.18.0.0/15 is reserved for benchmarks, so mail is delivered there only if the addresses are allowed.
  const options = { allowAddresses: ['198.18.0.0/15'] };
  const records = new Map<string, readonly string[]>([
    [DOMAIN, [hostName(0), hostName(1)]],
    ...[0, 1].map((i): [string, readonly string[]] => [hostName(i), [addressOf(hostName(i))!]]),
  ]);
  return {
    contenders: [
      {
        name: '@mb/dns',
        role: 'ours',
        run: () => findMailRoute(DOMAIN, resolver, options),
        check: (route) => checkRoute(route as MailRoute),
      },
      {
        name: 'map lookups',
        role: 'limit',
        run: () => records.get(DOMAIN)!.map((name) => ({ name, addresses: [...records.get(name)!] })),
        check: (hosts) => ((hosts as unknown[]).length === 2 ? undefined : 'hosts are missing'),
      },
    ],
    absent: [{ name: 'peers', reason: 'none has a mail route with a cache of its own' }],
    close: () => server.stop(),
  };
}

function checkRoute(route: MailRoute): string | undefined {
  if (route.status !== 'found') return `no route: ${route.reason}`;
  const found = route.hosts.map(({ name, addresses }) => `${name} ${addresses[0]?.address}`).join(', ');
  const expected = [0, 1].map((i) => `${hostName(i)} ${addressOf(hostName(i))}`).join(', ');
  return found === expected ? undefined : `the route is ${found}`;
}
