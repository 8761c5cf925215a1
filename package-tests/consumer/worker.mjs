import { createHttpsResolver } from '@mb/dns/https';
import { check } from './browser.mjs';

/** A worker that composes, parses, signs and verifies when it is asked, and looks up records over HTTPS. */
export default {
  async fetch(_request, { dnsUrl }) {
    await check();
    const resolver = createHttpsResolver({
      servers: ['https://dns.example.test/dns-query'],
      // Without TLS, which is the business of fetch.
      fetch: (_url, init) => fetch(dnsUrl, init),
    });
    const mx = await resolver.query('example.org', 'MX');
    const none = await resolver.query('nowhere.example.org', 'TXT');
    return Response.json({ exchange: mx.records?.[0]?.exchange, mx: mx.status, none: none.status });
  },
};
