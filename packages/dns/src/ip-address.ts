import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Parses an address that `node:net` accepts.
 *
 * ipaddr.js reads `::192.0.2.1` (IPv4-compatible, RFC 4291 §2.5.5.1) as `::ffff:192.0.2.1` (IPv4-mapped, §2.5.5.2), so
 * the last four octets are converted to hexadecimal first.
 */
export function parseIpAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 {
  return ipaddr.parse(withoutDottedTail(text));
}

/** Like {@link parseIpAddress}, but returns the IPv4 address of an IPv4-mapped one. */
export function parseMappedAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 {
  const address = parseIpAddress(text);
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** Parses `address/prefix`. @throws {Error} For text that is not a CIDR block. */
export function parseCidr(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const slash = text.lastIndexOf('/');
  return ipaddr.parseCIDR(withoutDottedTail(text.slice(0, slash)) + text.slice(slash)) as [
    ipaddr.IPv6,
    number,
  ];
}

function withoutDottedTail(text: string): string {
  const tail = text.lastIndexOf(':') + 1;
  if (tail === 0 || !text.includes('.') || !isIPv6(text)) return text;
  const [a, b, c, d] = text.slice(tail).split('.').map(Number) as [number, number, number, number];
  return `${text.slice(0, tail)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
