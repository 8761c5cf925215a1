import { isIPv4 } from 'node:net';
import { checkText } from '../option-table.ts';
import { type MacroString, parseDomainSpec, parseMacroString } from './domain-spec.ts';
import { type Network, parseIp, parseIpv6 } from './network.ts';

/** The qualifier of a mechanism, which decides the result of a match (RFC 7208 §4.6.2). */
export type SpfQualifier = '+' | '-' | '~' | '?';

/** The mechanisms of RFC 7208 §5. */
export type SpfMechanismName = 'all' | 'include' | 'a' | 'mx' | 'ptr' | 'ip4' | 'ip6' | 'exists';

/** A mechanism with its qualifier. */
export interface SpfMechanism {
  readonly name: SpfMechanismName;
  readonly qualifier: SpfQualifier;
  /** As written in the record. */
  readonly text: string;
  /** The domain-spec; undefined for the domain that is being checked. */
  readonly domain: MacroString | undefined;
  /** Prefix lengths of `a` and `mx`. */
  readonly prefix4: number;
  readonly prefix6: number;
  /** The network of `ip4` and `ip6`. */
  readonly network: Network | undefined;
}

/** The modifier `redirect` or `exp` (RFC 7208 §6). */
export interface SpfModifier {
  readonly text: string;
  readonly domain: MacroString;
}

/** A parsed SPF record. */
export interface SpfRecord {
  readonly text: string;
  readonly mechanisms: readonly SpfMechanism[];
  readonly redirect: SpfModifier | undefined;
  readonly explanation: SpfModifier | undefined;
}

/** A syntax error of a record. */
export interface SpfSyntaxProblem {
  readonly term: string;
  /** One sentence. */
  readonly problem: string;
}

/** Outcome of `parseSpfRecord`: a valid record, or its problems. */
export type SpfParseResult =
  | { readonly ok: true; readonly record: SpfRecord }
  | { readonly ok: false; readonly problems: readonly SpfSyntaxProblem[] };

/** Whether a TXT record, with its strings joined, is an SPF record (RFC 7208 §4.5). */
export function isSpfRecord(text: string): boolean {
  return /^v=spf1(?: |$)/i.test(checkText(text, 'isSpfRecord: text'));
}

/**
 * Parses an SPF record (RFC 7208 §12).
 *
 * @param text  The strings of the record, joined without separator.
 * @returns The record, or all of its problems: one error makes the whole record a permerror.
 * @example
 * const parsed = parseSpfRecord('v=spf1 ip4:192.0.2.0/24 -all');
 * if (parsed.ok) console.log(parsed.record.mechanisms.length); // 2
 */
export function parseSpfRecord(text: string): SpfParseResult {
  if (!isSpfRecord(checkText(text, 'parseSpfRecord: text'))) {
    return {
      ok: false,
      problems: [{ term: text.slice(0, 20), problem: 'The record does not start with v=spf1.' }],
    };
  }
  const draft: Draft = { mechanisms: [], redirect: undefined, explanation: undefined, problems: [] };
  // RFC 7208 §4.6.1: terms are separated only by spaces.
  for (const term of text.slice('v=spf1'.length).split(' ')) if (term !== '') parseTerm(term, draft);
  const { mechanisms, redirect, explanation, problems } = draft;
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, record: { text, mechanisms, redirect, explanation } };
}

interface Draft {
  readonly mechanisms: SpfMechanism[];
  redirect: SpfModifier | undefined;
  explanation: SpfModifier | undefined;
  readonly problems: SpfSyntaxProblem[];
}

// RFC 7208 §4.6.1: a modifier's name comes before any ":" or "/".
const modifierShape = /^([a-z][a-z0-9\-_.]*)=(.*)$/is;
const mechanismShape = /^([+\-~?]?)([a-z][a-z0-9]*)(?:([:/])(.*))?$/is;
const mechanismNames = new Set<string>(['all', 'include', 'a', 'mx', 'ptr', 'ip4', 'ip6', 'exists']);

function parseTerm(term: string, draft: Draft): void {
  const modifier = modifierShape.exec(term);
  const problem = modifier === null ? parseMechanism(term, draft) : parseModifier(term, modifier, draft);
  if (problem !== undefined) draft.problems.push({ term, problem });
}

function parseModifier(
  term: string,
  [, rawName = '', value = '']: readonly string[],
  draft: Draft,
): string | undefined {
  const name = rawName.toLowerCase();
  if (name !== 'redirect' && name !== 'exp') {
    // RFC 7208 §6: an unknown modifier is ignored, but its value must still be a macro string.
    const parsed = parseMacroString(value, 'explanation');
    return 'problem' in parsed
      ? `The value of ${rawName} is not a macro string: ${parsed.problem}.`
      : undefined;
  }
  const domain = parseDomainSpec(value);
  if ('problem' in domain) return `${rawName} needs a domain: ${domain.problem}.`;
  const slot = name === 'redirect' ? 'redirect' : 'explanation';
  // RFC 7208 §6: each at most once.
  if (draft[slot] !== undefined) return `${rawName} appears more than once.`;
  draft[slot] = { text: term, domain };
  return undefined;
}

function parseMechanism(term: string, draft: Draft): string | undefined {
  const match = mechanismShape.exec(term);
  const name = match?.[2]?.toLowerCase();
  if (match === null || name === undefined || !mechanismNames.has(name)) {
    return `"${term.slice(0, 40)}" is not a mechanism.`;
  }
  const qualifier = (match[1] || '+') as SpfQualifier;
  const separator = match[3];
  const argument = match[4] ?? '';
  const base = { name: name as SpfMechanismName, qualifier, text: term, prefix4: 32, prefix6: 128 };
  const bare = { ...base, domain: undefined, network: undefined };
  switch (name) {
    case 'all':
      if (separator !== undefined) return 'all takes no argument.';
      draft.mechanisms.push(bare);
      return undefined;
    case 'ip4':
    case 'ip6': {
      const network = separator === ':' ? parseNetwork(name, argument) : undefined;
      if (network === undefined) return `${name} needs an address, with or without a prefix length.`;
      draft.mechanisms.push({ ...bare, network });
      return undefined;
    }
    default:
      return parseNamed(bare, separator, argument, draft);
  }
}

/**
 * Parses a mechanism with a domain: `a` and `mx` may have prefix lengths, `include` and `exists` require the domain.
 */
function parseNamed(bare: SpfMechanism, separator: string | undefined, argument: string, draft: Draft) {
  const { name } = bare;
  const takesPrefix = name === 'a' || name === 'mx';
  if (separator === undefined) {
    if (name === 'include' || name === 'exists') return `${name} needs a domain.`;
    draft.mechanisms.push(bare);
    return undefined;
  }
  const prefix = takesPrefix ? splitPrefix(separator === '/' ? `/${argument}` : argument) : undefined;
  if (separator === '/' && !takesPrefix) return `${name} takes no prefix length.`;
  if (prefix !== undefined && 'problem' in prefix) return prefix.problem;
  const { rest, prefix4, prefix6 } = prefix ?? { rest: argument, prefix4: 32, prefix6: 128 };
  if (separator === '/') {
    if (rest !== '') return `"/${argument.slice(0, 40)}" is not a prefix length.`;
    draft.mechanisms.push({ ...bare, prefix4, prefix6 });
    return undefined;
  }
  const domain = parseDomainSpec(rest);
  if ('problem' in domain) return `${name} needs a domain: ${domain.problem}.`;
  draft.mechanisms.push({ ...bare, domain, prefix4, prefix6 });
  return undefined;
}

// RFC 7208 §12: dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ].
const dualPrefix = /(?:\/(\d+))?(?:\/\/(\d+))?$/;

function splitPrefix(text: string): { rest: string; prefix4: number; prefix6: number } | { problem: string } {
  const match = dualPrefix.exec(text);
  const prefix4 = readPrefix(match?.[1], 32);
  const prefix6 = readPrefix(match?.[2], 128);
  if (prefix4 === undefined || prefix6 === undefined) {
    return {
      problem: 'The prefix length must be 0 to 32 for IPv4 or 0 to 128 for IPv6, without leading zeros.',
    };
  }
  return { rest: text.slice(0, match?.index), prefix4, prefix6 };
}

function readPrefix(digits: string | undefined, most: number): number | undefined {
  if (digits === undefined) return most;
  if (digits.length > 3 || (digits.length > 1 && digits.startsWith('0'))) return undefined;
  const value = Number(digits);
  return value <= most ? value : undefined;
}

function parseNetwork(name: 'ip4' | 'ip6', argument: string): Network | undefined {
  const slash = argument.indexOf('/');
  const text = slash < 0 ? argument : argument.slice(0, slash);
  const digits = slash < 0 ? undefined : argument.slice(slash + 1);
  if (digits !== undefined && !/^\d+$/.test(digits)) return undefined;
  const prefix = readPrefix(digits, name === 'ip4' ? 32 : 128);
  // RFC 7208 §5: IPv4-mapped clients count as IPv4, so an IPv4-mapped network in ip6 matches no client.
  const ip = name === 'ip6' ? parseIpv6(text) : isIPv4(text) ? parseIp(text) : undefined;
  return prefix === undefined || ip === undefined ? undefined : { ...ip, prefix };
}
