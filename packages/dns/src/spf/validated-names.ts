import { reverseName } from '../reverse.ts';
import type { SpfBudget } from './budget.ts';
import { type IpWords, parseIp, readableIp } from './network.ts';

/**
 * The names of an address that lead back to it (RFC 7208 §5.5), lower case, in the order of the PTR
 * records. A failed lookup of the names gives none; a failed lookup of one name skips it.
 *
 * @param countVoid  whether lookups without answer are counted.
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
  // RFC 7208 §4.6.4 limits terms whose lookups give nothing. Those of the names do not count: the
  // holder of the address controls them, and could turn a fail into a permerror.
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
