import { isIP } from 'node:net';
import type { RouteOption } from '@mb/broker';
import { CliError } from '../errors.ts';

/**
 * The only place that mail can go to while something is developed, such as `mb inbox`.
 *
 * @param text  `host:port`, `[::1]:port`, or a host alone for port 2525.
 */
export function readDevRoute(text: string): RouteOption {
  const url = URL.parse(`smtp://${text}`);
  const plain =
    url && url.hostname !== '' && url.username === '' && url.pathname + url.search + url.hash === '';
  if (!plain) throw new CliError('MB_CLI_USAGE', '--dev must be a host and a port, such as 127.0.0.1:2525.');
  return {
    type: 'smarthost',
    host: literal(url.hostname),
    port: url.port === '' ? 2525 : Number(url.port),
    tls: 'none',
  };
}

/** RFC 5321 §4.1.3: an address says what it is. RFC 6761 §6.3: localhost is not for DNS to say. */
function literal(hostname: string): string {
  if (hostname === 'localhost') return '[127.0.0.1]';
  if (isIP(hostname) === 4) return `[${hostname}]`;
  return hostname.startsWith('[') ? `[IPv6:${hostname.slice(1)}` : hostname;
}
