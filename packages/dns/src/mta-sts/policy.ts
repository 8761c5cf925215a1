import { checkArgument, hasFields, isTextList } from '../argument.ts';
import { normalizeDomain } from '../domain.ts';
import { checkText } from '../option-table.ts';
import { printable } from '../printable.ts';

/** An MTA-STS policy (RFC 8461 §3.2). */
export interface MtaStsPolicy {
  /** `enforce`: deliver only to hosts that match; `testing`: only report; `none`: the domain does not use MTA-STS. */
  readonly mode: 'enforce' | 'testing' | 'none';
  /** Host names in lower case; `*.example.org` matches exactly one label in place of `*`. */
  readonly mx: readonly string[];
  /** How long the policy is valid, in seconds; at most 31,557,600. */
  readonly maxAgeSeconds: number;
}

/** Outcome of `parseMtaStsPolicy`. */
export type MtaStsParseResult =
  | { readonly ok: true; readonly policy: MtaStsPolicy; readonly problems: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** RFC 8461 §3.2: about a year. */
const maxAgeLimit = 31_557_600;

/**
 * Parses a policy. Lines may end in CRLF or LF. Unknown keys are ignored; the first value of a repeated key counts, except
 * for `mx`, which may be repeated.
 */
export function parseMtaStsPolicy(text: string): MtaStsParseResult {
  checkText(text, 'parseMtaStsPolicy: text');
  const problems: string[] = [];
  const values = new Map<string, string>();
  const mx: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    const key = line.slice(0, Math.max(0, colon)).trim();
    const value = line.slice(colon + 1).trim();
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/.test(key)) {
      problems.push(`${printable(line)} is not of the form key: value.`);
    } else if (key === 'mx') addPattern(value, mx, problems);
    else if (!values.has(key)) values.set(key, value);
  }
  if (values.get('version') !== 'STSv1')
    return { ok: false, problems: ['The version is not STSv1.', ...problems] };
  const mode = values.get('mode');
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') {
    return { ok: false, problems: ['The mode must be enforce, testing or none.', ...problems] };
  }
  const maxAge = values.get('max_age') ?? '';
  if (!/^\d{1,10}$/.test(maxAge))
    return { ok: false, problems: ['max_age is not a number of seconds.', ...problems] };
  // RFC 8461 §3.2: mx is needed unless the mode is none.
  if (mx.length === 0 && mode !== 'none')
    return { ok: false, problems: ['The policy names no mx.', ...problems] };
  if (Number(maxAge) > maxAgeLimit)
    problems.push(`max_age is over the maximum of ${maxAgeLimit}, which is used instead.`);
  return { ok: true, policy: { mode, mx, maxAgeSeconds: Math.min(Number(maxAge), maxAgeLimit) }, problems };
}

function addPattern(value: string, mx: string[], problems: string[]): void {
  const wildcard = value.startsWith('*.');
  const name = normalizeDomain(wildcard ? value.slice(2) : value);
  if (name === undefined || name.includes('*')) problems.push(`mx: ${printable(value)} is not a host name.`);
  else mx.push(wildcard ? `*.${name}` : name);
}

/**
 * Whether a policy names a host (RFC 8461 §4.1).
 *
 * @param host  Name of the mail exchanger; case and a trailing dot are ignored.
 * @example
 * matchesMtaSts({ mode: 'enforce', mx: ['*.example.org'], maxAgeSeconds: 86_400 }, 'mx.example.org') // true
 */
export function matchesMtaSts(policy: MtaStsPolicy, host: string): boolean {
  checkPolicy(policy, 'matchesMtaSts');
  checkArgument(typeof host === 'string', 'matchesMtaSts: host', 'a string');
  const name = normalizeDomain(host);
  if (name === undefined) return false;
  const parent = name.slice(name.indexOf('.') + 1);
  // RFC 8461 §4.1: a wildcard matches exactly one label.
  return policy.mx.some(
    (pattern) =>
      pattern === name || (pattern.startsWith('*.') && pattern.slice(2) === parent && name.includes('.')),
  );
}

/** The effect of a policy on the hosts of a route. */
export interface MtaStsVerdict<H> {
  /** Hosts to try, in the same order. */
  readonly hosts: readonly H[];
  /** Hosts that the policy does not name: skipped with `enforce`, tried and reported with `testing`. */
  readonly mismatched: readonly H[];
  /** Whether delivery requires TLS with a valid certificate for the host's name. */
  readonly requireValidTls: boolean;
}

/** Applies a policy to the hosts of a route (RFC 8461 §5). */
export function applyMtaSts<H extends { readonly name: string }>(
  policy: MtaStsPolicy,
  hosts: readonly H[],
): MtaStsVerdict<H> {
  checkPolicy(policy, 'applyMtaSts');
  checkArgument(
    Array.isArray(hosts) && hosts.every((host) => hasFields(host, 'string', 'name')),
    'applyMtaSts: hosts',
    'an array of objects with a name',
  );
  if (policy.mode === 'none') return { hosts, mismatched: [], requireValidTls: false };
  const mismatched = hosts.filter((host) => !matchesMtaSts(policy, host.name));
  // RFC 8461 §5: in testing mode mail is delivered as if there were no policy.
  if (policy.mode === 'testing') return { hosts, mismatched, requireValidTls: false };
  return { hosts: hosts.filter((host) => !mismatched.includes(host)), mismatched, requireValidTls: true };
}

function checkPolicy(policy: MtaStsPolicy, where: string): void {
  checkArgument(
    hasFields(policy, 'string', 'mode') && isTextList(policy.mx),
    `${where}: policy`,
    'a policy, such as that of parseMtaStsPolicy',
  );
}
