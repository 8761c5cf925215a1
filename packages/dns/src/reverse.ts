import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { DnsError } from './errors.ts';

/**
 * The name under which an address has its PTR records (RFC 1035 §3.5, RFC 3596 §2.5).
 *
 * @throws {DnsError} MB_DNS_ADDRESS_INVALID when `address` is no IP address.
 * @example
 * reverseName('192.0.2.1') // '1.2.0.192.in-addr.arpa'
 */
export function reverseName(address: string): string {
  if (!isIP(address)) {
    throw new DnsError('MB_DNS_ADDRESS_INVALID', `"${address.slice(0, 80)}" is not an IP address.`);
  }
  const octets = ipaddr.process(address).toByteArray();
  if (octets.length === 4) return `${octets.reverse().join('.')}.in-addr.arpa`;
  const nibbles = octets.flatMap((octet) => [octet >> 4, octet & 15]).reverse();
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`;
}
