import assert from './assert.mjs';

/** Finds a mail route in the zones in memory, and asks a real DNS server over UDP. */
export async function check(modules, load) {
  const { createResolver, findMailRoute } = modules['@mb/dns'];
  const { createMemoryResolver } = modules['@mb/dns/memory'];
  const memory = createMemoryResolver({
    'example.com': {
      MX: [
        [20, 'mx2.example.com'],
        [10, 'mx1.example.com'],
      ],
    },
    'mx1.example.com': { A: '192.0.2.1' },
    'mx2.example.com': { A: '192.0.2.2' },
  });
  const route = await findMailRoute('example.com', memory, { allowAddresses: ['192.0.2.0/24'] });
  assert(route.status === 'found', JSON.stringify(route));
  assert(
    route.hosts.map(({ name }) => name).join() === 'mx1.example.com,mx2.example.com',
    JSON.stringify(route),
  );

  const { startDnsServer } = await load('@mb/testkit');
  const server = await startDnsServer({
    zones: { 'example.com': { records: { '@': { TXT: 'v=spf1 -all' } } } },
  });
  const resolver = createResolver({ servers: [`${server.address}:${server.port}`] });
  try {
    const answer = await resolver.query('example.com', 'TXT');
    assert(answer.status === 'found', JSON.stringify(answer));
  } finally {
    await server.close();
  }
}
