import type { Answer } from 'dns-packet';
import { type CompiledZone, canonicalName, parentOf, type StoredRecord } from './zone.ts';

/** The answer of the zones to one question. */
export interface LookupResult {
  readonly rcode: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED';
  readonly answers: Answer[];
  readonly authorities: Answer[];
  /** Whether every zone that was used is authentic. */
  readonly authentic: boolean;
}

/** Maximum number of aliases that are followed, as in large resolvers. */
const MAX_ALIASES = 16;

/**
 * Answers a question as a resolver of these zones: aliases are followed across zones, and a loop gives SERVFAIL.
 *
 * @param outside  Response code for a name outside all zones.
 * @param recursive  If false, an alias to a name outside the zone is not followed, as on an authoritative server
 *   (RFC 1034 §4.3.2).
 */
export function lookup(
  zones: readonly CompiledZone[],
  question: { readonly name: string; readonly type: string },
  outside: 'NXDOMAIN' | 'REFUSED' | 'SERVFAIL',
  recursive = true,
): LookupResult {
  const answers: Answer[] = [];
  let name = question.name;
  let authentic = true;
  let first: CompiledZone | undefined;
  for (let aliases = 0; aliases <= MAX_ALIASES; aliases++) {
    const wanted = canonicalName(name);
    const zone = zones.find(({ apex }) => apex === '' || wanted === apex || wanted.endsWith(`.${apex}`));
    if (!recursive && aliases > 0 && zone !== first) {
      return { rcode: 'NOERROR', answers, authorities: [], authentic };
    }
    first ??= zone;
    if (zone === undefined) return { rcode: outside, answers, authorities: [], authentic: false };
    authentic &&= zone.authentic;
    const types = recordsAt(zone, wanted);
    if (types === undefined) return { rcode: 'NXDOMAIN', answers, authorities: [zone.soa], authentic };
    const records = matching(types, question.type);
    if (records.length > 0) {
      answers.push(...records.map((record) => ({ ...record, name })));
      return { rcode: 'NOERROR', answers, authorities: [], authentic };
    }
    const alias = types.get('CNAME')?.[0];
    if (alias === undefined) return { rcode: 'NOERROR', answers, authorities: [zone.soa], authentic };
    answers.push({ ...alias, name });
    name = (alias as { data: string }).data;
  }
  return { rcode: 'SERVFAIL', answers: [], authorities: [], authentic: false };
}

/** Returns the records of a name, or of the wildcard that covers it (RFC 4592 §3.3.1); undefined if neither exists. */
function recordsAt(
  zone: CompiledZone,
  name: string,
): ReadonlyMap<string, readonly StoredRecord[]> | undefined {
  const own = zone.names.get(name);
  if (own !== undefined) return own;
  let encloser = parentOf(name);
  while (encloser !== zone.apex && encloser !== '' && !zone.names.has(encloser))
    encloser = parentOf(encloser);
  return zone.names.get(encloser === '' ? '*' : `*.${encloser}`);
}

function matching(
  types: ReadonlyMap<string, readonly StoredRecord[]>,
  type: string,
): readonly StoredRecord[] {
  return type === 'ANY' ? [...types.values()].flat() : (types.get(type) ?? []);
}
