// Find the hosts that take the mail of a domain: MX, address records, null MX, failures distinguished.
import { createResolver, findMailRoute } from '@mb/dns';
import { startDnsServer } from '@mb/testkit';

await using dns = await startDnsServer({
  zones: {
    'example.org': {
      records: {
        '@': { MX: ['20 backup.example.org', '10 mx.example.org'] },
        mx: { A: '198.51.100.1', AAAA: '2001:db8::1' },
        backup: { A: '198.51.100.2' },
      },
    },
    'example.net': { records: { '@': { MX: '0 .' } } },
  },
});
// Without options: the servers of this machine.
const resolver = createResolver({ servers: [dns.server] });

for (const domain of ['example.org', 'example.net', 'nothing.test']) {
  const route = await findMailRoute(domain, resolver);
  if (route.status === 'found') {
    const hosts = route.hosts.map(
      ({ name, addresses }) => `${name} ${addresses.map((one) => one.address).join(' ')}`,
    );
    console.log(`${domain}: ${hosts.join(', then ')}`);
  } else console.log(`${domain}: ${route.status}: ${route.reason}`);
}
