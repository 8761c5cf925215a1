import type { RouteOption } from '@mb/broker';
import { CliError } from '../errors.ts';

/**
 * The route of --relay, through which all mail goes, for machines that cannot use port 25.
 *
 * @param text  `host`, `host:port`, `smtp://host:port`, or `smtps://host:port` for implicit TLS.
 * @param tls  Minimum level of TLS; default a verified certificate.
 */
export function readRelay(
  text: string,
  tls: 'opportunistic' | 'required' | 'verified' | undefined,
): RouteOption {
  const url = URL.parse(/^smtps?:\/\//i.test(text) ? text : `smtp://${text}`);
  if (url === null || url.hostname === '' || !/^\/?$/.test(url.pathname + url.search + url.hash)) {
    throw new CliError(
      'MB_CLI_USAGE',
      '--relay must be a host, optionally with a port, such as relay.example.net:587.',
    );
  }
  if (url.username !== '' || url.password !== '') {
    const message =
      '--relay must have no password, since every user of the machine can see flags. Set MB_RELAY_USER and MB_RELAY_PASSWORD.';
    throw new CliError('MB_CLI_USAGE', message);
  }
  const { MB_RELAY_USER: user, MB_RELAY_PASSWORD: password } = process.env;
  if ((user === undefined) !== (password === undefined)) {
    throw new CliError('MB_CLI_USAGE', 'Set both MB_RELAY_USER and MB_RELAY_PASSWORD, or neither.');
  }
  if (user === '' || password === '') {
    throw new CliError('MB_CLI_USAGE', 'MB_RELAY_USER and MB_RELAY_PASSWORD must not be empty.');
  }
  // Without brackets, an IPv4 address would be looked up as a name (RFC 5321 §4.1.3).
  const host = /^[\d.]+$/.test(url.hostname) ? `[${url.hostname}]` : url.hostname;
  return {
    type: 'smarthost',
    host,
    implicitTls: url.protocol === 'smtps:',
    ...(url.port !== '' && { port: Number(url.port) }),
    ...(user !== undefined && password !== undefined && { auth: { user, password } }),
    ...(tls && { tls }),
  };
}
