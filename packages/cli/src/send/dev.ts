import { isIP } from 'node:net';
import type { RouteOption } from '@mb/broker';
import { CliError } from '../errors.ts';

/**
 * The route of --dev, which sends all mail to one server, such as `mb inbox`.
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

/** The host as an address literal (RFC 5321 §4.1.3). RFC 6761 §6.3: localhost is not looked up in DNS. */
function literal(hostname: string): string {
  if (hostname === 'localhost') return '[127.0.0.1]';
  if (isIP(hostname) === 4) return `[${hostname}]`;
  return hostname.startsWith('[') ? `[IPv6:${hostname.slice(1)}` : hostname;
}
