import { checkArgument, hasFields } from '../argument.ts';
import { checkText, readOptions } from '../option-table.ts';
import { printable } from '../printable.ts';
import { checkResolver, isTemporary, type QueryOptions, queryOptions, type Resolver } from '../resolver.ts';
import type { MacroString } from './domain-spec.ts';
import { checkableDomain } from './identity.ts';
import type { SpfMechanism, SpfRecord } from './record.ts';
import { selectSpfRecord } from './select-record.ts';

/** The SPF record of a domain, its terms, and the records that they include. */
export interface SpfTree {
  readonly domain: string;
  /** The record; undefined when there is no valid one. */
  readonly record: SpfRecord | undefined;
  /** Why there is no record, or what is wrong with it. */
  readonly problem: string | undefined;
  /** Whether the problem is a temporary DNS failure. */
  readonly temporary: boolean;
  readonly terms: readonly SpfTreeTerm[];
  /** Number of DNS-querying terms of this record and all records below it (RFC 7208 §4.6.4). */
  readonly lookups: number;
}

/** A term of a record. */
export interface SpfTreeTerm {
  /** As written in the record. */
  readonly text: string;
  /** Number of lookups of this term and of the records below it. */
  readonly lookups: number;
  /** The record of an `include` or `redirect`. */
  readonly tree?: SpfTree;
  /** What cannot be known without a sender, or is wrong. */
  readonly note?: string;
  /** Set if the lookup of an `a`, `mx` or `exists` has no result. */
  readonly void?: true;
}

/** Maximum number of records of a tree; beyond it, terms have a note. */
const maxRecords = 50;

/**
 * Reads a domain's SPF record and all records that it includes, and counts the lookups of each term.
 *
 * It counts every term, as if none matched, which is the worst case for a receiver. Terms whose domain depends on the
 * sender (macros) are counted but not followed.
 *
 * @throws {DnsError} MB_DNS_ABORTED, MB_DNS_OPTION.
 * @example
 * const tree = await explainSpf('example.org', createResolver());
 * console.log(tree.lookups, formatSpfTree(tree));
 */
export async function explainSpf(
  domain: string,
  resolver: Resolver,
  given: QueryOptions = {},
): Promise<SpfTree> {
  const options = readOptions(given, queryOptions, 'explainSpf: options');
  checkText(domain, 'explainSpf: domain');
  checkResolver(resolver, 'explainSpf');
  const walk: Walk = { resolver, signal: options.signal, fetched: 0 };
  const name = checkableDomain(domain);
  if (name === undefined) return emptyTree(domain, `${printable(domain)} cannot have an SPF record.`);
  return readTree(name, walk, []);
}

interface Walk {
  readonly resolver: Resolver;
  readonly signal: AbortSignal | undefined;
  fetched: number;
}

function emptyTree(domain: string, problem: string, temporary = false): SpfTree {
  return { domain, record: undefined, problem, temporary, terms: [], lookups: 0 };
}

async function readTree(domain: string, walk: Walk, above: readonly string[]): Promise<SpfTree> {
  if (above.includes(domain)) return emptyTree(domain, `${domain} includes itself.`);
  if (++walk.fetched > maxRecords)
    return emptyTree(domain, `More than ${maxRecords} records are named; the rest is not read.`);
  const answer = await walk.resolver.query(domain, 'TXT', { signal: walk.signal });
  if (isTemporary(answer)) return emptyTree(domain, answer.reason, true);
  if (answer.status === 'nxdomain') return emptyTree(domain, `${domain} does not exist.`);
  const selection = selectSpfRecord(answer.records);
  if (selection.kind === 'none') return emptyTree(domain, `${domain} has no SPF record.`);
  if (selection.kind === 'broken') return emptyTree(domain, selection.reason);
  const { record } = selection;
  const path = [...above, domain];
  const terms: SpfTreeTerm[] = [];
  for (const mechanism of record.mechanisms) terms.push(await readTerm(mechanism, domain, walk, path));
  // RFC 7208 §5.1: with an "all" the redirect is never used, so it costs nothing.
  const hasAll = record.mechanisms.some((mechanism) => mechanism.name === 'all');
  if (record.redirect !== undefined) {
    const { text, domain: spec } = record.redirect;
    if (hasAll) terms.push({ text, lookups: 0, note: 'It is never used, because the record has an "all".' });
    else terms.push(await follow(text, spec, walk, path));
  }
  const lookups = terms.reduce((sum, term) => sum + term.lookups, 0);
  return { domain, record, problem: undefined, temporary: false, terms, lookups };
}

async function readTerm(
  mechanism: SpfMechanism,
  domain: string,
  walk: Walk,
  path: readonly string[],
): Promise<SpfTreeTerm> {
  const { name, text } = mechanism;
  if (name === 'all' || name === 'ip4' || name === 'ip6') return { text, lookups: 0 };
  if (name === 'include') return follow(text, mechanism.domain ?? [], walk, path);
  if (name === 'ptr')
    return { text, lookups: 1, note: 'It causes more lookups, for each name of the sending address.' };
  const target = mechanism.domain === undefined ? domain : staticText(mechanism.domain);
  if (target === undefined) return { text, lookups: 1, note: 'The name depends on the sender.' };
  const isVoid = await givesNothing(target, name, walk);
  return isVoid
    ? { text, lookups: 1, void: true, note: `${target} has no such record.` }
    : { text, lookups: 1 };
}

async function follow(
  text: string,
  spec: MacroString,
  walk: Walk,
  path: readonly string[],
): Promise<SpfTreeTerm> {
  const target = staticText(spec);
  if (target === undefined) return { text, lookups: 1, note: 'The name depends on the sender.' };
  const name = checkableDomain(target);
  const tree =
    name === undefined
      ? emptyTree(target, `"${target}" cannot have an SPF record.`)
      : await readTree(name, walk, path);
  return { text, lookups: 1 + tree.lookups, tree };
}

/** The text of a domain-spec; undefined if it has macros. */
function staticText(spec: MacroString): string | undefined {
  if (spec.some((part) => typeof part !== 'string')) return undefined;
  return spec.join('');
}

async function givesNothing(target: string, name: SpfMechanism['name'], walk: Walk): Promise<boolean> {
  if (checkableDomain(target) === undefined) return false;
  const options = { signal: walk.signal };
  const ask = (type: 'A' | 'AAAA' | 'MX') => walk.resolver.query(target, type, options);
  const answers = await Promise.all(
    name === 'mx' ? [ask('MX')] : name === 'exists' ? [ask('A')] : [ask('A'), ask('AAAA')],
  );
  return answers.every((answer) => answer.status === 'nxdomain' || answer.status === 'nodata');
}

/** Formats a tree as indented lines with the lookups of each term. Line breaks in records add no lines. */
export function formatSpfTree(tree: SpfTree): string {
  checkTree(tree, 'formatSpfTree');
  return treeLines(tree, '').join('\n');
}

/** Throws MB_DNS_OPTION unless an argument is a result of {@link explainSpf}. */
export function checkTree(tree: SpfTree, where: string): void {
  checkArgument(
    hasFields(tree, 'string', 'domain') && Array.isArray(tree.terms),
    `${where}: tree`,
    'a result of explainSpf',
  );
}

function treeLines(tree: SpfTree, indent: string): string[] {
  const lines = [
    `${indent}${tree.domain}: ${tree.problem ?? `${tree.lookups} lookup${tree.lookups === 1 ? '' : 's'}`}`,
  ].map(onOneLine);
  for (const term of tree.terms) {
    const cost = term.lookups === 0 ? '' : `  [${term.lookups}]`;
    const note = term.note === undefined ? '' : `  – ${term.note}`;
    lines.push(onOneLine(`${indent}  ${term.text}${cost}${note}`));
    if (term.tree !== undefined) lines.push(...treeLines(term.tree, `${indent}    `));
  }
  return lines;
}

function onOneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, ' ');
}
