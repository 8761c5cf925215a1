import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { parseIpAddress } from '../ip-address.ts';

/** An address as 16-bit or 32-bit words, so that networks are compared without allocation. */
export interface IpWords {
  readonly family: 4 | 6;
  /** One word of 32 bits for IPv4, eight of 16 bits for IPv6. */
  readonly words: readonly number[];
}

/** An `ip4` or `ip6` network. */
export interface Network extends IpWords {
  readonly prefix: number;
}

/** Parses an address. One in ::ffff:0:0/96 becomes IPv4 (RFC 7208 §5). Undefined for an invalid address. */
export function parseIp(text: string): IpWords | undefined {
  if (isIPv4(text)) return { family: 4, words: [ipv4Word(text)] };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const address = parseIpAddress(text) as ipaddr.IPv6;
  if (address.isIPv4MappedAddress())
    return { family: 4, words: [ipv4Word(address.toIPv4Address().toString())] };
  return { family: 6, words: address.parts };
}

/** Parses an IPv6 address, and keeps an IPv4-mapped one as IPv6. Undefined for an invalid address. */
export function parseIpv6(text: string): IpWords | undefined {
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return { family: 6, words: (parseIpAddress(text) as ipaddr.IPv6).parts };
}

function ipv4Word(dotted: string): number {
  let word = 0;
  let octet = 0;
  for (let i = 0; i < dotted.length; i++) {
    const code = dotted.charCodeAt(i);
    if (code === 0x2e) {
      word = (word << 8) | octet;
      octet = 0;
    } else octet = octet * 10 + code - 0x30;
  }
  return ((word << 8) | octet) >>> 0;
}

/** Whether `ip` and `base` have the same first `prefix` bits. */
export function isInNetwork(ip: IpWords, base: IpWords, prefix: number): boolean {
  if (ip.family !== base.family) return false;
  const width = ip.family === 4 ? 32 : 16;
  for (let i = 0, bits = prefix; bits > 0; i++, bits -= width) {
    const shift = Math.max(0, width - bits);
    if (ip.words[i]! >>> shift !== base.words[i]! >>> shift) return false;
  }
  return true;
}

/** The macro `i` of RFC 7208 §7.3: dotted, for IPv6 with one upper-case nibble per label. */
export function dottedIp(ip: IpWords): string {
  if (ip.family === 4) return readableIp(ip);
  return ip.words.map((word) => [...word.toString(16).toUpperCase().padStart(4, '0')].join('.')).join('.');
}

/** The usual form of an address (the macro `c` of RFC 7208 §7.3). */
export function readableIp(ip: IpWords): string {
  if (ip.family === 6) return new ipaddr.IPv6([...ip.words]).toString();
  const word = ip.words[0]!;
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}
