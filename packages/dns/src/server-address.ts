import { isIP, isIPv6 } from 'node:net';
import { DnsError } from './errors.ts';
import type { ExchangeServer } from './exchange.ts';
import { parseMappedAddress } from './ip-address.ts';
import { printable } from './printable.ts';

/** A server of a resolver. */
export type DnsServer =
  | {
      readonly transport: 'datagram';
      readonly label: string;
      readonly address: string;
      readonly port: number;
      readonly loopback: boolean;
    }
  | { readonly transport: 'stream'; readonly label: string; readonly url: string; readonly loopback: false };

/**
 * Parses `192.0.2.53`, `192.0.2.53:5300`, `2001:db8::53`, `[2001:db8::53]:5300` or an `https:` URL.
 *
 * @throws {DnsError} MB_DNS_OPTION for anything else.
 */
export function parseServer(text: string): DnsServer {
  if (text.startsWith('https://')) {
    if (!URL.canParse(text)) throw invalidServer(text);
    return { transport: 'stream', label: text, url: text, loopback: false };
  }
  const match = isIP(text) ? [text, text, undefined] : /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? text.replace(/^\[(.*)\]$/, '$1');
  const port = match?.[2] === undefined ? 53 : Number(match[2]);
  if (!isIP(address) || port < 1 || port > 65_535) throw invalidServer(text);
  const label = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  const loopback = parseMappedAddress(address.split('%', 1)[0]!).range() === 'loopback';
  return { transport: 'datagram', label, address, port, loopback };
}

function invalidServer(text: string): DnsError {
  return new DnsError(
    'MB_DNS_OPTION',
    `${printable(text)} is not a DNS server: write an IP address with an optional port (192.0.2.53:53, [2001:db8::53]:53) or an https: URL.`,
  );
}

/** The servers of a resolver; both lists are in the same order. */
export interface ServerSet {
  readonly servers: readonly DnsServer[];
  readonly exchangeServers: readonly ExchangeServer[];
}

/** @param trustAuthenticData  For all servers; undefined trusts only those on loopback. */
export function makeServerSet(texts: readonly string[], trustAuthenticData: boolean | undefined): ServerSet {
  const servers = texts.map(parseServer);
  const exchangeServers = servers.map(({ label, transport, loopback }) => ({
    label,
    transport,
    trusted: trustAuthenticData ?? loopback,
  }));
  return { servers, exchangeServers };
}
