import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { addressRefusal } from './address-guard.ts';
import { checkArgument, isTextList } from './argument.ts';
import { DnsError } from './errors.ts';
import { checkText } from './option-table.ts';
import { checkResolver, isTemporary, type Resolver } from './resolver.ts';

/** Returns why an address must not be connected to; undefined when it may. */
export type AddressCheck = (address: string) => string | undefined;

/**
 * Makes the option `lookup` for a connection to a host that an untrusted party named. It returns only addresses that pass
 * the check, so that the checked address is the one that is connected to. If one address of a host is refused, the host
 * is refused.
 *
 * Call it again for each redirect.
 *
 * @param host  The host of the URL. An IP address is checked at once, since Node does not call `lookup` for it.
 * @param check  CIDR blocks to allow although they are not public, as for `addressRefusal`, or a function that replaces
 *   `addressRefusal`. Default none.
 * @param resolver  Default: the system's `getaddrinfo`, which reads `/etc/hosts` and blocks a thread of the process
 *   during each lookup.
 * @throws {DnsError} MB_DNS_ADDRESS_REFUSED for a refused address, also from the lookup itself; MB_DNS_OPTION.
 * @example
 * https.request(url, { lookup: guardedLookup(url.hostname), agent: false });
 */
export function guardedLookup(
  host: string,
  check: readonly string[] | AddressCheck = [],
  resolver?: Resolver,
): LookupFunction {
  checkText(host, 'guardedLookup: host');
  checkArgument(
    typeof check === 'function' || isTextList(check),
    'guardedLookup: check',
    'an array of CIDR blocks, or a function',
  );
  if (resolver !== undefined) checkResolver(resolver, 'guardedLookup');
  const refusalOf: AddressCheck =
    typeof check === 'function' ? check : (address) => addressRefusal(address, check);
  const literal = host.replace(/^\[|\]$/g, '');
  if (isIP(literal)) refuse(refusalOf(literal));
  const addressesOf = resolver ? (name: string) => ask(name, resolver) : askSystem;
  return (name, { all }, callback) => {
    addressesOf(name)
      .then((addresses) => {
        for (const { address } of addresses) refuse(refusalOf(address));
        if (all) callback(null, addresses);
        else callback(null, addresses[0]!.address, addresses[0]!.family);
      })
      .catch((error: NodeJS.ErrnoException) => callback(error, '', 0));
  };
}

/** Looks up a name by the system; resolves with at least one address. */
function askSystem(name: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}

async function ask(name: string, resolver: Resolver): Promise<LookupAddress[]> {
  // RFC 6761 §6.3: such names are loopback and are not looked up.
  if (/(?:^|\.)localhost\.?$/i.test(name)) return [{ address: '127.0.0.1', family: 4 }];
  const [four, six] = await Promise.all([resolver.query(name, 'A'), resolver.query(name, 'AAAA')]);
  const addresses = [
    ...(four.status === 'found' ? four.records.map((address) => ({ address, family: 4 })) : []),
    ...(six.status === 'found' ? six.records.map((address) => ({ address, family: 6 })) : []),
  ];
  if (addresses.length > 0) return addresses;
  const failed = [four, six].find(isTemporary);
  throw Object.assign(new Error(failed?.reason ?? `${name} has no address.`), { code: 'ENOTFOUND' });
}

function refuse(why: string | undefined): void {
  if (why !== undefined) throw new DnsError('MB_DNS_ADDRESS_REFUSED', why);
}
