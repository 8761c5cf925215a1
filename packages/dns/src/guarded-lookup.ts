import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { addressRefusal } from './address-guard.ts';
import { checkArgument, isTextList } from './argument.ts';
import { DnsError } from './errors.ts';
import { checkText } from './option-table.ts';
import { checkResolver, isTemporary, type Resolver } from './resolver.ts';

/** Why an address must not be connected to; undefined when it may. */
export type AddressCheck = (address: string) => string | undefined;

/**
 * The `lookup` option for a connection to a host that another party named: it gives only addresses that may be
 * connected to, and the address that was checked is the one that is used. A host that has one refused address is
 * refused as a whole.
 *
 * Make a new one for each redirect.
 *
 * @param host  The host of the URL. Node looks up no name for an address, so an address is checked at once.
 * @param check  CIDR blocks that are open although they are not public, as for `addressRefusal`; or a check that takes
 *   its place. Default none.
 * @param resolver  Where to ask. Default: the system's `getaddrinfo`, which reads `/etc/hosts` and occupies a thread of
 *   the process for each lookup; with a resolver a name server that does not answer occupies none.
 * @throws {DnsError} MB_DNS_ADDRESS_REFUSED for an address that is refused; the lookup itself fails with the same error.
 *   MB_DNS_OPTION.
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

/** At least one address of a name. */
function askSystem(name: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}

async function ask(name: string, resolver: Resolver): Promise<LookupAddress[]> {
  // RFC 6761 §6.3: such names are loopback, and are not asked for.
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
