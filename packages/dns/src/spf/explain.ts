import { checkArgument, hasFields } from '../argument.ts';
import { checkText, readOptions } from '../option-table.ts';
import { printable } from '../printable.ts';
import { checkResolver, isTemporary, type QueryOptions, queryOptions, type Resolver } from '../resolver.ts';
import type { MacroString } from './domain-spec.ts';
import { checkableDomain } from './identity.ts';
import type { SpfMechanism, SpfRecord } from './record.ts';
import { selectSpfRecord } from './select-record.ts';

/** The record of one domain, its terms, and the records that they name. */
export interface SpfTree {
  readonly domain: string;
  /** The record as published; undefined when there is none to read. */
  readonly record: SpfRecord | undefined;
  /** Why there is no record, or what is wrong with it. */
  readonly problem: string | undefined;
  /** True when the problem is a DNS failure, which may pass. */
  readonly temporary: boolean;
  readonly terms: readonly SpfTreeTerm[];
  /** DNS-querying terms of this record and all below it (RFC 7208 §4.6.4). */
  readonly lookups: number;
}

/** One term of a record. */
export interface SpfTreeTerm {
  /** As written in the record. */
  readonly text: string;
  /** Lookups that it costs, with everything below it. */
  readonly lookups: number;
  /** The record that an `include` or `redirect` names. */
  readonly tree?: SpfTree;
  /** What cannot be told beforehand, or is wrong. */
  readonly note?: string;
  /** True when the name that an `a`, `mx`, `exists` or `ptr` asks for gives nothing. */
  readonly void?: true;
}

/** Most records that are fetched for one tree; beyond, terms carry a note. */
const maxRecords = 50;

/**
 * Reads a domain's SPF record and all that it includes, and counts what each term costs.
 *
 * It counts every term, as if none matched: the worst case for a receiver. Terms whose domain depends
 * on the sender (macros) are counted, not followed.
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
    return { text, lookups: 1, note: 'It costs more, for it depends on the names of the sending address.' };
  const target = mechanism.domain === undefined ? domain : staticText(mechanism.domain);
  if (target === undefined) return { text, lookups: 1, note: 'The name depends on the sender.' };
  const isVoid = await givesNothing(target, name, walk);
  return isVoid ? { text, lookups: 1, void: true, note: `${target} gives nothing.` } : { text, lookups: 1 };
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

/** The text of a domain-spec without macros. */
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

/** A tree as indented lines, each with the lookups that it costs; what strangers publish makes no line of its own. */
export function formatSpfTree(tree: SpfTree): string {
  checkTree(tree, 'formatSpfTree');
  return treeLines(tree, '').join('\n');
}

/** Checks an argument that must be what {@link explainSpf} returned. */
export function checkTree(tree: SpfTree, where: string): void {
  checkArgument(
    hasFields(tree, 'string', 'domain') && Array.isArray(tree.terms),
    `${where}: tree`,
    'what explainSpf returned',
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
