import type { ServerClient } from '@mb/server/client';
import type { DomainAccess, ShownCheck } from '../domain/shown-domain.ts';
import { CliError } from '../errors.ts';
import { allRows } from '../every-row.ts';
import { dataOf } from './api.ts';

/** The domains of a server, with the operations of a queue opened by this process. */
export function remoteDomains(client: ServerClient, server: string): DomainAccess {
  const at = (domain: string) => ({ params: { path: { domain } } });
  return {
    add(domain) {
      if (domain.keys && !isConfidential(server)) {
        const message = `Private keys are not sent to ${server} unencrypted: use https:, or --store on its machine.`;
        throw new CliError('MB_CLI_USAGE', message);
      }
      return dataOf(client.POST('/v1/domains', { body: domain as never }));
    },
    list: () =>
      allRows(async (query) => {
        const { data, next } = await dataOf(client.GET('/v1/domains', { params: { query } }));
        return { rows: data, next };
      }),
    get: (domain) => dataOf(client.GET('/v1/domains/{domain}', at(domain))),
    change: (domain, changes) =>
      dataOf(client.PATCH('/v1/domains/{domain}', { ...at(domain), body: changes as never })),
    mtaSts: (domain) => dataOf(client.GET('/v1/domains/{domain}/mta-sts', at(domain))),
    check: async (domain) =>
      (await dataOf(client.POST('/v1/domains/{domain}/check', at(domain)))) as ShownCheck,
    rotate: (domain) => dataOf(client.POST('/v1/domains/{domain}/rotate', at(domain))),
    removeKey: (domain, selector, force) =>
      dataOf(
        client.DELETE('/v1/domains/{domain}/keys/{selector}', {
          params: { path: { domain, selector }, query: force ? { force: 'true' } : {} },
        }),
      ),
    async remove(domain) {
      await dataOf(client.DELETE('/v1/domains/{domain}', at(domain)));
    },
  };
}

/** Whether the connection is encrypted or stays on this machine. */
function isConfidential(server: string): boolean {
  const { protocol, hostname } = new URL(server);
  return protocol === 'https:' || /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}
