/**
 * A whole broker on a machine of its own: `host-worker.ts DATABASE_URL NAME LEASE_MS CAP SITES`, where SITES maps the
 * names of mail exchangers to their addresses. It prints `R` when it starts to deliver.
 */
import { MailBroker } from '@mb/broker';
import { PostgresStore } from '@mb/queue-postgres';
import { startDnsServer } from '@mb/testkit';
import { networkBlock } from './network.ts';

const [url = '', name = '', leaseMs = '', cap = '', sites = '{}'] = process.argv.slice(2);

const exchangers = Object.entries(JSON.parse(sites) as Record<string, string>);
const zones = exchangers.map(([host, address]) => {
  const records = { '@': { MX: `10 ${host}` }, mx: { A: address } };
  return [host.replace('mx.', ''), { records }] as const;
});
const dns = await startDnsServer({ zones: Object.fromEntries(zones) });
const store = new PostgresStore({
  connection: { connectionString: url, application_name: name },
  limits: { startConcurrency: Number(cap), maxConcurrency: Number(cap) },
});
await store.open();
const broker = new MailBroker({
  hostname: `${name}.mail.example.com`,
  store,
  dns: { servers: [dns.server] },
  delivery: { allowAddresses: [networkBlock] },
  tls: { mtaSts: false, dane: false },
  queue: {
    name,
    leaseMs: Number(leaseMs),
    // As many as the mail exchangers take from four workers: each has some to serve.
    concurrency: 5,
    schedule: { firstMs: 200, maxMs: 1000 },
    onError() {},
  },
});
broker.start();
process.stdout.write('R\n');
