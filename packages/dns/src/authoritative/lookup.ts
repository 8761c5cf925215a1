import { addressRefusal } from '../address-guard.ts';
import { checkRecordType } from '../argument.ts';
import { type Clock, clockRow, systemClock } from '../clock.ts';
import { normalizeDomain } from '../domain.ts';
import { DnsError, throwIfAborted } from '../errors.ts';
import {
  callback,
  integer,
  list,
  type OptionsRead,
  type OptionTable,
  readOptions,
  signal,
  text,
} from '../option-table.ts';
import { printable } from '../printable.ts';
import type { RecordData, RecordType } from '../record.ts';
import { type Answer, checkResolver, isTemporary, type Resolver } from '../resolver.ts';
import { askServer, isWithin, type ServerReply } from './server-answer.ts';
import { type AuthoritativeAnswer, judgeAnswers, type ServerAnswer, unknownAnswer } from './verdict.ts';

/** Options of {@link lookupAuthoritative}. */
export interface AuthoritativeOptions {
  /**
   * Returns the name at which the search for the zone of `name` begins: `name` or one above it that exists. Default: the
   * name without its first label. The search asks a recursive resolver for NS records, which would cache that a name does
   * not exist.
   */
  readonly zoneHint?: ((name: string) => string) | undefined;
  /**
   * CIDR blocks in which servers may be asked although they are not public, for tests and private networks. Default
   * none.
   */
  readonly allowAddresses?: readonly string[] | undefined;
  /** Port of the servers, for tests. Default 53. */
  readonly port?: number | undefined;
  /** Timeout for each server, including retries, in milliseconds. Default 4,000. */
  readonly timeoutMs?: number | undefined;
  /** Source of time. Default: the clock of the machine. */
  readonly clock?: Clock | undefined;
  /** Aborts the call with MB_DNS_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link AuthoritativeOptions} accepts. */
export const authoritativeOptions = {
  zoneHint: callback<(name: string) => string>(),
  allowAddresses: list(text('a CIDR block')),
  port: integer(1, 65_535, { default: 53 }),
  timeoutMs: integer(1, 600_000, { default: 4_000, unit: 'ms' }),
  clock: clockRow,
  signal: signal(),
} satisfies OptionTable<AuthoritativeOptions>;

type Settings = OptionsRead<AuthoritativeOptions, typeof authoritativeOptions>;

/** Maximum number of zones to ask, over all aliases and delegations. */
const maxZones = 16;
/** Maximum number of servers of a zone, and of addresses of a server, to ask. */
const maxServers = 16;
const maxAddresses = 8;

/**
 * Asks every authoritative server of a name's zone directly, so that no cache hides a record that was added or removed.
 *
 * Delegations below the zone and aliases into other zones are followed, to all of their servers.
 *
 * @param resolver  Finds the zone, its servers and their addresses.
 * @returns The combined answer; a lookup that fails is an answer too.
 * @throws {DnsError} MB_DNS_NAME_INVALID, MB_DNS_ABORTED, MB_DNS_OPTION.
 * @example
 * const { status, reason } = await lookupAuthoritative('s1._domainkey.example.com', 'TXT', createResolver(), {
 *   zoneHint: () => 'example.com',
 * });
 * if (status === 'found') console.log('All servers have it.');
 */
export async function lookupAuthoritative<T extends RecordType>(
  name: string,
  type: T,
  resolver: Resolver,
  given: AuthoritativeOptions = {},
): Promise<AuthoritativeAnswer<T>> {
  const settings = readOptions(given, authoritativeOptions, 'lookupAuthoritative: options');
  checkResolver(resolver, 'lookupAuthoritative');
  checkRecordType(type);
  const wanted = normalizeDomain(name);
  if (wanted === undefined) {
    throw new DnsError(
      'MB_DNS_NAME_INVALID',
      `${printable(name)} is not a domain name that can be asked for.`,
    );
  }
  throwIfAborted(settings.signal);
  const lookup = new AuthoritativeLookup(type, resolver, settings);
  return lookup.run(wanted);
}

interface Zone {
  readonly name: string;
  readonly servers: readonly string[];
}

class AuthoritativeLookup<T extends RecordType> {
  readonly #type: T;
  readonly #resolver: Resolver;
  readonly #settings: Settings;
  #zonesLeft = maxZones;

  constructor(type: T, resolver: Resolver, settings: Settings) {
    this.#type = type;
    this.#resolver = resolver;
    this.#settings = settings;
  }

  async run(wanted: string): Promise<AuthoritativeAnswer<T>> {
    const seen = new Set<string>();
    for (let name = wanted; ; ) {
      seen.add(name);
      const zone = await this.#findZone(name);
      if (typeof zone === 'string') return unknownAnswer(wanted, this.#type, zone);
      const verdict = judgeAnswers(wanted, this.#type, zone.name, await this.#askZone(name, zone));
      if (verdict.status !== 'alias') return verdict;
      const { target } = verdict;
      if (seen.has(target) || this.#zonesLeft <= 0) {
        return unknownAnswer(
          wanted,
          this.#type,
          `The chain of aliases at ${wanted} is circular or too long.`,
        );
      }
      name = target;
    }
  }

  /** Finds the zone of a name by a recursive resolver; returns a sentence if there is none. */
  async #findZone(name: string): Promise<Zone | string> {
    const { signal, zoneHint = withoutFirstLabel } = this.#settings;
    const hint = normalizeDomain(zoneHint(name)) ?? name;
    for (let zone = isWithin(name, hint) ? hint : name; ; zone = withoutFirstLabel(zone)) {
      const answer = await this.#resolver.query(zone, 'NS', { signal });
      if (isTemporary(answer)) return answer.reason;
      if (answer.status === 'found' && answer.canonicalName === zone) {
        return { name: zone, servers: unique(answer.records) };
      }
      if (!zone.includes('.')) return `No zone was found for ${name}.`;
    }
  }

  /** Asks each server of a zone, and each server of the zones to which they refer. */
  async #askZone(name: string, { name: zone, servers }: Zone): Promise<readonly ServerAnswer<T>[]> {
    this.#zonesLeft--;
    const asked = await Promise.all(
      servers.slice(0, maxServers).map((server) => this.#askByName(name, zone, server)),
    );
    const answers = asked.flatMap(({ answers }) => answers);
    const referrals = asked.flatMap(({ referrals }) => referrals);
    for (const child of new Set(referrals.map(({ name }) => name))) {
      if (this.#zonesLeft <= 0) break;
      const below = unique(referrals.filter(({ name }) => name === child).flatMap(({ servers }) => servers));
      answers.push(...(await this.#askZone(name, { name: child, servers: below })));
    }
    return answers;
  }

  async #askByName(name: string, zone: string, server: string) {
    const answers: ServerAnswer<T>[] = [];
    const referrals: Zone[] = [];
    const { addresses, trouble } = await this.#addressesOf(server);
    const replies = await Promise.all(
      addresses.map(async (address) => ({ address, reply: await this.#ask(name, zone, address) })),
    );
    for (const { address, reply } of replies) {
      if (reply.kind === 'referral') referrals.push({ name: reply.zone, servers: reply.servers });
      else if (reply.kind === 'alias') answers.push({ zone, server, address, alias: reply.target });
      else answers.push({ zone, server, address, answer: reply.answer });
    }
    if (addresses.length === 0) answers.push({ zone, server, trouble });
    return { answers, referrals };
  }

  #ask(name: string, zone: string, address: string): Promise<ServerReply<T>> {
    const { port, timeoutMs, clock = systemClock, signal } = this.#settings;
    return askServer({ name, type: this.#type, zone, address, port, timeoutMs, clock, signal });
  }

  async #addressesOf(
    server: string,
  ): Promise<{ readonly addresses: readonly string[]; readonly trouble: string }> {
    const { signal, allowAddresses } = this.#settings;
    const found = await Promise.all([
      this.#resolver.query(server, 'A', { signal }),
      this.#resolver.query(server, 'AAAA', { signal }),
    ]);
    const all = unique((found as readonly Answer<'A' | 'AAAA'>[]).flatMap(({ records }) => records));
    // The owner of a domain chooses its servers, which must not lead into a private network.
    const refusals = all.map((address) => addressRefusal(address, allowAddresses));
    const addresses = all.filter((_, index) => refusals[index] === undefined).slice(0, maxAddresses);
    const failure = found.find(isTemporary)?.reason;
    const refusal = refusals.find((why) => why !== undefined);
    const why = failure ?? (refusal === undefined ? 'It has no address.' : `${refusal}.`);
    return { addresses, trouble: `${server}: ${why}` };
  }
}

function withoutFirstLabel(name: string): string {
  return name.includes('.') ? name.slice(name.indexOf('.') + 1) : name;
}

function unique<Value extends RecordData['NS' | 'A' | 'AAAA']>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}
