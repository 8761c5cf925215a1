import { checkTree, type SpfTree, type SpfTreeTerm } from './explain.ts';
import { isInNetwork } from './network.ts';
import type { SpfMechanism, SpfRecord } from './record.ts';

/** A problem of an SPF record. */
export interface SpfFinding {
  /** `error`: receivers reject the record, or it allows everyone to send; `warning`: it should be improved. */
  readonly severity: 'error' | 'warning';
  readonly code: SpfFindingCode;
  /** The domain of the record. */
  readonly domain: string;
  /** One sentence that says what is wrong. */
  readonly message: string;
  /** One sentence that says what to do. */
  readonly fix: string;
}

/** Codes of {@link SpfFinding}. */
export type SpfFindingCode =
  | 'no-record'
  | 'broken-record'
  | 'too-many-lookups'
  | 'many-lookups'
  | 'too-many-void-lookups'
  | 'void-lookup'
  | 'pass-all'
  | 'no-all'
  | 'neutral-all'
  | 'unreachable-term'
  | 'unused-redirect'
  | 'repeated-term'
  | 'covered-network'
  | 'wide-network'
  | 'ptr'
  | 'broken-include'
  | 'dns-failure'
  | 'long-record';

/** RFC 7208 §3.4: all TXT records of the name should fit in a small answer. */
const longRecordBytes = 450;
const maxLookups = 10;
const maxVoidLookups = 2;

/**
 * Finds problems of an SPF record: too many lookups, terms without effect, `+all`, several records, broken includes and
 * others.
 *
 * @param tree  A result of `explainSpf`.
 * @example
 * for (const finding of lintSpf(await explainSpf('example.org', resolver))) console.log(finding.message, finding.fix);
 */
export function lintSpf(tree: SpfTree): SpfFinding[] {
  checkTree(tree, 'lintSpf');
  if (tree.record === undefined) return [lintMissing(tree)];
  return [
    ...lintLookups(tree),
    ...lintAll(tree.record, tree.domain),
    ...lintRepeats(tree.record, tree.domain),
    ...lintNetworks(tree.record, tree.domain),
    ...lintSize(tree.record, tree.domain),
    ...lintBelow(tree),
  ];
}

function lintMissing({ domain, problem = '', temporary }: SpfTree): SpfFinding {
  if (temporary) {
    return finding(
      'warning',
      'dns-failure',
      domain,
      problem,
      'Ask again; if it stays, repair the DNS servers of the domain.',
    );
  }
  if (problem.endsWith('has no SPF record.')) {
    const fix =
      'Publish a TXT record such as "v=spf1 mx -all" that names every host that sends for the domain.';
    return finding('error', 'no-record', domain, problem, fix);
  }
  return finding(
    'error',
    'broken-record',
    domain,
    problem,
    'Publish exactly one TXT record that starts with v=spf1, and correct the named term.',
  );
}

function lintLookups(tree: SpfTree): SpfFinding[] {
  const found: SpfFinding[] = [];
  const { domain, lookups } = tree;
  const fix =
    'Remove includes of services that no longer send, and replace those with fixed networks by ip4 and ip6 terms.';
  if (lookups > maxLookups) {
    found.push(
      finding(
        'error',
        'too-many-lookups',
        domain,
        `The record needs ${lookups} lookups; receivers stop after ${maxLookups} with permerror.`,
        fix,
      ),
    );
  } else if (lookups >= maxLookups - 1) {
    found.push(
      finding(
        'warning',
        'many-lookups',
        domain,
        `The record needs ${lookups} of ${maxLookups} lookups.`,
        fix,
      ),
    );
  }
  const voids = countVoid(tree);
  if (voids > maxVoidLookups) {
    const message = `${voids} lookups return no record; receivers stop after ${maxVoidLookups} with permerror.`;
    found.push(
      finding(
        'error',
        'too-many-void-lookups',
        domain,
        message,
        'Remove the terms whose names do not exist.',
      ),
    );
  }
  return found;
}

function countVoid(tree: SpfTree): number {
  return tree.terms.reduce(
    (sum, term) => sum + (term.void ? 1 : 0) + (term.tree === undefined ? 0 : countVoid(term.tree)),
    0,
  );
}

// Long because each statement is one finding, in the order of the report.
function lintAll({ mechanisms, redirect }: SpfRecord, domain: string): SpfFinding[] {
  const found: SpfFinding[] = [];
  const at = mechanisms.findIndex((mechanism) => mechanism.name === 'all');
  const all = mechanisms[at];
  if (all === undefined) {
    if (redirect === undefined) {
      found.push(
        finding(
          'warning',
          'no-all',
          domain,
          'The record does not say what applies to other hosts.',
          'End the record with -all or ~all.',
        ),
      );
    }
    return found;
  }
  if (all.qualifier === '+') {
    found.push(
      finding(
        'error',
        'pass-all',
        domain,
        `"${all.text}" lets every host send as ${domain}.`,
        'Use -all or ~all instead.',
      ),
    );
  }
  if (all.qualifier === '?') {
    found.push(
      finding(
        'warning',
        'neutral-all',
        domain,
        '"?all" says nothing about other hosts.',
        'Use -all or ~all instead.',
      ),
    );
  }
  for (const { text } of mechanisms.slice(at + 1)) {
    found.push(
      finding(
        'warning',
        'unreachable-term',
        domain,
        `"${text}" follows "${all.text}" and is never evaluated.`,
        `Move "${text}" before "${all.text}", or remove it.`,
      ),
    );
  }
  if (redirect !== undefined) {
    found.push(
      finding(
        'warning',
        'unused-redirect',
        domain,
        `"${redirect.text}" is never used, because the record has an "all".`,
        'Remove one of the two.',
      ),
    );
  }
  return found;
}

function lintRepeats({ mechanisms }: SpfRecord, domain: string): SpfFinding[] {
  const found: SpfFinding[] = [];
  const seen = new Set<string>();
  for (const { text } of mechanisms) {
    const key = text.toLowerCase().replace(/^\+/, '');
    if (seen.has(key))
      found.push(
        finding(
          'warning',
          'repeated-term',
          domain,
          `"${text}" appears more than once.`,
          'Remove one of them.',
        ),
      );
    seen.add(key);
  }
  return found;
}

function lintNetworks({ mechanisms }: SpfRecord, domain: string): SpfFinding[] {
  const found: SpfFinding[] = [];
  const networks = mechanisms.filter((mechanism) => mechanism.network !== undefined);
  for (const [index, { network, text, qualifier }] of networks.entries()) {
    if (network!.prefix < (network!.family === 4 ? 8 : 16) && qualifier === '+') {
      found.push(
        finding(
          'error',
          'wide-network',
          domain,
          `"${text}" lets a large part of the Internet send as ${domain}.`,
          'Name only the networks that send for the domain.',
        ),
      );
    }
    const wider = networks.slice(0, index).find((earlier) => covers(earlier, network!));
    if (wider !== undefined && wider.text.toLowerCase() !== text.toLowerCase()) {
      found.push(
        finding(
          'warning',
          'covered-network',
          domain,
          `"${text}" is part of "${wider.text}".`,
          `Remove "${text}".`,
        ),
      );
    }
  }
  for (const { name, text } of mechanisms) {
    // RFC 7208 §5.5: ptr should not be published.
    if (name === 'ptr')
      found.push(
        finding(
          'warning',
          'ptr',
          domain,
          `"${text}" is slow, unreliable and ignored by large receivers.`,
          'Name the hosts by a, mx, ip4 or ip6.',
        ),
      );
  }
  return found;
}

function covers(earlier: SpfMechanism, network: NonNullable<SpfMechanism['network']>): boolean {
  const wide = earlier.network!;
  return wide.prefix <= network.prefix && isInNetwork(network, wide, wide.prefix);
}

function lintSize({ text }: SpfRecord, domain: string): SpfFinding[] {
  if (text.length <= longRecordBytes) return [];
  const message = `The record has ${text.length} octets, so its answer may not fit one UDP packet.`;
  return [
    finding(
      'warning',
      'long-record',
      domain,
      message,
      'Move groups of networks into separate records, and include those.',
    ),
  ];
}

/** Findings about included records, as far as they affect this one. */
function lintBelow(tree: SpfTree): SpfFinding[] {
  const found: SpfFinding[] = [];
  for (const term of tree.terms) {
    if (term.void) {
      found.push(
        finding(
          'warning',
          'void-lookup',
          tree.domain,
          `"${term.text}": ${term.note ?? ''}`,
          `Remove "${term.text}".`,
        ),
      );
    }
    if (term.tree !== undefined) found.push(...lintNamed(term, term.tree, tree.domain));
  }
  return found;
}

function lintNamed(term: SpfTreeTerm, below: SpfTree, domain: string): SpfFinding[] {
  if (below.record === undefined) {
    const message = `"${term.text}": ${below.problem ?? ''}`;
    if (below.temporary)
      return [finding('warning', 'dns-failure', domain, message, 'Ask again; if it stays, remove the term.')];
    return [
      finding(
        'error',
        'broken-include',
        domain,
        message,
        `Remove "${term.text}", or have its owner publish a record.`,
      ),
    ];
  }
  const passAll = lintAll(below.record, below.domain).filter(({ code }) => code === 'pass-all');
  return [...passAll, ...lintBelow(below)];
}

function finding(
  severity: SpfFinding['severity'],
  code: SpfFindingCode,
  domain: string,
  message: string,
  fix: string,
): SpfFinding {
  return { severity, code, domain, message, fix };
}
