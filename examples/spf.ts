// Check whether an address may send for a domain (SPF), and see which term decided.
import { checkHost, createResolver } from '@mb/dns';
import { startDnsServer } from '@mb/testkit';

await using dns = await startDnsServer({
  zones: {
    'example.com': { records: { '@': { TXT: 'v=spf1 include:_spf.example.net -all' } } },
    'example.net': { records: { _spf: { TXT: 'v=spf1 ip4:198.51.100.0/24 ~all' } } },
  },
});
const resolver = createResolver({ servers: [dns.server] });

for (const ip of ['198.51.100.7', '203.0.113.7']) {
  const { result, reason } = await checkHost(
    { ip, sender: 'zoe@example.com', helo: 'mail.example.com' },
    resolver,
  );
  console.log(`${ip}: ${result} (${reason})`);
}
