import { reverseName } from '../reverse.ts';
import type { SpfBudget } from './budget.ts';
import { type IpWords, parseIp, readableIp } from './network.ts';

/**
 * Looks up the names of an address that resolve to it (RFC 7208 §5.5), in lower case, in the order of the PTR records. If
 * the PTR lookup fails, there are none; if the lookup of a name fails, it is skipped.
 *
 * @param countVoid  Whether to count a PTR lookup without result.
 */
export async function validatedNames(ip: IpWords, budget: SpfBudget, countVoid: boolean): Promise<string[]> {
  const pointers = await budget.query(reverseName(readableIp(ip)), 'PTR');
  if (pointers === undefined || pointers.status === 'servfail' || pointers.status === 'bogus') return [];
  if (pointers.status === 'timeout') return [];
  if (pointers.status !== 'found') {
    if (countVoid) budget.spendVoid(pointers.name);
    return [];
  }
  const names: string[] = [];
  // RFC 7208 §4.6.4 limits void lookups of terms. Lookups of the names do not count: the owner of the address controls
  // them, and could turn a fail into a permerror.
  // RFC 7208 §4.6.4: names beyond the limit are ignored.
  for (const name of pointers.records.slice(0, budget.limits.maxPtrNames)) {
    const addresses = await budget.query(name, ip.family === 4 ? 'A' : 'AAAA');
    if (addresses?.status !== 'found') continue;
    if (addresses.records.some((address) => isSame(parseIp(address), ip))) names.push(name.toLowerCase());
  }
  return names;
}

function isSame(a: IpWords | undefined, b: IpWords): boolean {
  return a !== undefined && a.family === b.family && a.words.every((word, index) => word === b.words[index]);
}
