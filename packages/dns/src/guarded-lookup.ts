import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { addressRefusal } from './address-guard.ts';
import { checkArgument, isTextList } from './argument.ts';
import { DnsError } from './errors.ts';
import { checkText } from './option-table.ts';

/** Why an address must not be connected to; undefined when it may. */
export type AddressCheck = (address: string) => string | undefined;

/**
 * The `lookup` option for a connection to a host that somebody else named: it gives only addresses that may be
 * connected to, and the address that was checked is the one that is used. A host that has one refused address is
 * refused as a whole.
 *
 * The system resolves the name, `/etc/hosts` included. Make a new one for each redirect.
 *
 * @param host  The host of the URL. Node looks up no name for an address, so an address is checked at once.
 * @param check  CIDR blocks that are open although they are not public, as for `addressRefusal`; or a check that takes
 *   its place. Default none.
 * @throws {DnsError} MB_DNS_ADDRESS_REFUSED for an address that is refused; the lookup itself fails with the same error.
 *   MB_DNS_OPTION.
 * @example
 * https.request(url, { lookup: guardedLookup(url.hostname), agent: false });
 */
export function guardedLookup(host: string, check: readonly string[] | AddressCheck = []): LookupFunction {
  checkText(host, 'guardedLookup: host');
  checkArgument(
    typeof check === 'function' || isTextList(check),
    'guardedLookup: check',
    'an array of CIDR blocks, or a function',
  );
  const refusalOf: AddressCheck =
    typeof check === 'function' ? check : (address) => addressRefusal(address, check);
  const literal = host.replace(/^\[|\]$/g, '');
  if (isIP(literal)) refuse(refusalOf(literal));
  return (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      try {
        for (const { address } of addresses) refuse(refusalOf(address));
      } catch (refusal) {
        return callback(refusal as NodeJS.ErrnoException, '', 0);
      }
      if (options.all) return (callback as unknown as AllCallback)(null, addresses);
      const [first] = addresses;
      if (first) callback(null, first.address, first.family);
    });
  };
}

type AllCallback = (error: null, addresses: LookupAddress[]) => void;

function refuse(why: string | undefined): void {
  if (why !== undefined) throw new DnsError('MB_DNS_ADDRESS_REFUSED', why);
}
