import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { checkArgument, isTextList } from './argument.ts';
import { DnsError } from './errors.ts';
import { parseCidr, parseIpAddress } from './ip-address.ts';
import { printable } from './printable.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/** Creates a table on first use, since parsing the blocks takes most of the time of importing this module. */
function once<Table>(make: () => Table): () => Table {
  let made: Table | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Ranges without public mail exchangers, by their names in ipaddr.js (IANA special-purpose registries). */
const refusedRanges: Readonly<Record<string, string>> = {
  unspecified: 'is unspecified',
  broadcast: 'is a broadcast address',
  multicast: 'is a multicast address',
  linkLocal: 'is link-local',
  loopback: 'is loopback',
  carrierGradeNat: 'is in the shared space of carriers (RFC 6598)',
  private: 'is private (RFC 1918)',
  uniqueLocal: 'is private (RFC 4193)',
  deprecatedSiteLocal: 'is site-local',
  discard: 'is in the discard prefix',
  benchmarking: 'is reserved for benchmarks',
};

/** Refused blocks that are not a range of ipaddr.js, or only a part of one. */
const refusedBlocks = once((): readonly (readonly [range: Range, why: string])[] => [
  [ipaddr.parseCIDR('192.0.0.0/24'), 'is reserved for protocols'],
  [ipaddr.parseCIDR('198.18.0.0/15'), 'is reserved for benchmarks'],
  [ipaddr.parseCIDR('240.0.0.0/4'), 'is reserved'],
  // QUIRK(Azure): this public address serves the metadata of virtual machines.
  [ipaddr.parseCIDR('168.63.129.16/32'), 'is a metadata service'],
  [ipaddr.parseCIDR('64:ff9b:1::/48'), 'is a local NAT64 address (RFC 8215)'],
]);

/** IPv6 ranges whose addresses contain an IPv4 address, with the offset of its first octet. */
const embeddings = once((): readonly (readonly [range: Range, offset: number, inverted: boolean])[] => [
  [ipaddr.parseCIDR('::ffff:0:0/96'), 12, false], // RFC 4291 §2.5.5.2 mapped
  [ipaddr.parseCIDR('::/96'), 12, false], // RFC 4291 §2.5.5.1 compatible
  [ipaddr.parseCIDR('::ffff:0:0:0/96'), 12, false], // RFC 2765 translated
  [ipaddr.parseCIDR('64:ff9b::/96'), 12, false], // RFC 6052 NAT64
  [ipaddr.parseCIDR('2002::/16'), 2, false], // RFC 3056 6to4
  [ipaddr.parseCIDR('2001::/32'), 4, false], // RFC 4380 Teredo, the server
  [ipaddr.parseCIDR('2001::/32'), 12, true], // RFC 4380 Teredo, the client
]);

/** Parsed blocks by the text of their list, since callers copy their lists. */
const compiledAllowLists = new Map<string, readonly Range[]>();
const mostAllowLists = 64;

/**
 * Whether mail may be delivered to an address, because it is public.
 *
 * @param allow  CIDR blocks to allow although they are not public, for tests and private networks.
 *   Danger: anyone who controls a domain's DNS can then make this machine connect there.
 * @throws {DnsError} MB_DNS_OPTION for a wrong type, and for an entry of `allow` that is not a CIDR block.
 */
export function isDeliverable(address: string, allow?: readonly string[]): boolean {
  return addressRefusal(address, allow) === undefined;
}

/**
 * Returns why mail may not be delivered to an address; undefined when it may.
 *
 * Loopback, private, link-local, shared, unspecified, multicast, reserved and metadata addresses are
 * refused, and so are IPv6 addresses that contain one of these as IPv4 (mapped, compatible, NAT64,
 * 6to4, Teredo). Call it after the lookup and again right before connecting.
 *
 * @param address  IPv4 dotted or IPv6; other text is refused.
 * @param allow  See `isDeliverable`.
 * @example
 * addressRefusal('64:ff9b::7f00:1') // '64:ff9b::7f00:1 carries 127.0.0.1, which is loopback'
 * addressRefusal('127.0.0.1', ['127.0.0.0/8']) // undefined
 */
export function addressRefusal(address: string, allow: readonly string[] = []): string | undefined {
  checkArgument(typeof address === 'string', 'addressRefusal: address', 'a string');
  checkArgument(isTextList(allow), 'addressRefusal: allow', 'an array of CIDR blocks');
  // Node's strict parser first: ipaddr.js also accepts 127.1 and 0x7f.0.0.1.
  if (!isIP(address) || address.includes('%')) return `${printable(address)} is not an IP address`;
  const parsed = parseIpAddress(address);
  if (isIn(parsed, compile(allow))) return undefined;
  const own = refusalOf(parsed);
  if (own !== undefined) return `${address} ${own}`;
  for (const embedded of embeddedAddresses(parsed)) {
    if (isIn(embedded, compile(allow))) continue;
    const why = refusalOf(embedded);
    if (why !== undefined) return `${address} carries ${embedded.toString()}, which ${why}`;
  }
  return undefined;
}

/** The canonical form of an address (RFC 5952); other text is returned unchanged. */
export function canonicalAddress(address: string): string {
  return isIP(address) === 6 ? parseIpAddress(address).toString() : address;
}

function refusalOf(address: Address): string | undefined {
  const range = refusedRanges[address.range()];
  if (range !== undefined) return range;
  return refusedBlocks().find(([block]) => isIn(address, [block]))?.[1];
}

function embeddedAddresses(address: Address): Address[] {
  if (address.kind() === 'ipv4') return [];
  const octets = address.toByteArray();
  return embeddings()
    .filter(([range]) => isIn(address, [range]))
    .map(([, offset, inverted]) => {
      const four = octets.slice(offset, offset + 4);
      return ipaddr.fromByteArray(inverted ? four.map((octet) => octet ^ 0xff) : four);
    });
}

function isIn(address: Address, ranges: readonly Range[]): boolean {
  return ranges.some(
    (range) => range[0].kind() === address.kind() && address.match(range as [Address, number]),
  );
}

function compile(allow: readonly string[]): readonly Range[] {
  if (allow.length === 0) return [];
  const key = allow.join('\n');
  let ranges = compiledAllowLists.get(key);
  if (ranges === undefined) {
    ranges = allow.map(parseBlock);
    if (compiledAllowLists.size >= mostAllowLists) compiledAllowLists.clear();
    compiledAllowLists.set(key, ranges);
  }
  return ranges;
}

function parseBlock(text: string): Range {
  try {
    return parseCidr(isIP(text) ? `${text}/${text.includes(':') ? 128 : 32}` : text);
  } catch (cause) {
    throw new DnsError('MB_DNS_OPTION', `"${text}" is not a CIDR block such as 10.0.0.0/8 or fd00::/8.`, {
      cause,
    });
  }
}
