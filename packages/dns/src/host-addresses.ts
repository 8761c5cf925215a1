import { addressRefusal, canonicalAddress } from './address-guard.ts';
import type { HostAddress } from './mail-host.ts';
import { shuffle } from './mx-order.ts';
import { type Answer, type FailedAnswer, isTemporary, type Resolver } from './resolver.ts';

/** The result of the address lookups of a host. */
export interface HostAddresses {
  readonly canonicalName: string;
  /** Usable addresses, families alternating. */
  readonly addresses: readonly HostAddress[];
  readonly authentic: boolean;
  readonly ttlSeconds: number;
  /** Addresses that may not be used, each with the reason. */
  readonly refused: readonly RefusedAddress[];
  /** A lookup that failed temporarily. */
  readonly temporary: FailedAnswer | undefined;
}

/** An address to which mail may not be delivered. */
export interface RefusedAddress {
  readonly address: string;
  readonly reason: string;
}

/** How to look up and choose addresses. */
export interface HostSettings {
  readonly random: () => number;
  readonly allow: readonly string[] | undefined;
  readonly families: readonly (4 | 6)[];
  readonly signal: AbortSignal | undefined;
}

/** Maximum number of addresses of a family; more are left out. */
const maxAddressesPerFamily = 8;

/** Looks up the addresses of a host, all families at the same time, and keeps those to which mail may be delivered. */
export async function resolveHost(
  name: string,
  resolver: Resolver,
  settings: HostSettings,
): Promise<HostAddresses> {
  const { families, signal, allow, random } = settings;
  const answers = await Promise.all(
    families.map((family) => resolver.query(name, family === 4 ? 'A' : 'AAAA', { signal })),
  );
  const byFamily: HostAddress[][] = [];
  const refused: RefusedAddress[] = [];
  let canonicalName = name;
  let authentic = true;
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (const [index, answer] of answers.entries()) {
    if (isTemporary(answer)) continue;
    authentic &&= answer.authentic;
    ttlSeconds = Math.min(ttlSeconds, answer.ttlSeconds);
    if (answer.status !== 'found') continue;
    canonicalName = answer.canonicalName;
    const judged = judge(answer, families[index]!, allow);
    refused.push(...judged.refused);
    const usable = [...judged.usable];
    shuffle(usable, random);
    byFamily.push(usable.slice(0, maxAddressesPerFamily));
  }
  const temporary = ownTroubleFirst(answers.filter(isTemporary));
  return { canonicalName, addresses: alternate(byFamily), authentic, ttlSeconds, refused, temporary };
}

/** Chooses the failure to report: a local one first, since it says nothing about the host. */
export function ownTroubleFirst(failures: readonly FailedAnswer[]): FailedAnswer | undefined {
  return failures.find(({ scope }) => scope === 'local') ?? failures[0];
}

interface Judged {
  readonly allow: readonly string[] | undefined;
  readonly usable: readonly HostAddress[];
  readonly refused: readonly RefusedAddress[];
}

/** Caches results by the record array of an answer, which is the same for a cached answer. */
const judgedAnswers = new WeakMap<readonly string[], Judged>();

function judge(answer: Answer<'A' | 'AAAA'>, family: 4 | 6, allow: readonly string[] | undefined): Judged {
  const known = judgedAnswers.get(answer.records);
  if (known !== undefined && known.allow === allow) return known;
  const usable: HostAddress[] = [];
  const refused: RefusedAddress[] = [];
  for (const address of new Set(answer.records.map(canonicalAddress))) {
    const why = addressRefusal(address, allow);
    if (why === undefined) usable.push({ address, family });
    else refused.push({ address, reason: `${why}.` });
  }
  const judged = { allow, usable, refused };
  judgedAnswers.set(answer.records, judged);
  return judged;
}

function alternate(byFamily: readonly (readonly HostAddress[])[]): HostAddress[] {
  const longest = Math.max(0, ...byFamily.map((addresses) => addresses.length));
  const mixed: HostAddress[] = [];
  for (let i = 0; i < longest; i++) {
    for (const addresses of byFamily) if (addresses[i] !== undefined) mixed.push(addresses[i]!);
  }
  return mixed;
}
