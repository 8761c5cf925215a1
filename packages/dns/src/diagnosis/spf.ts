import { checkHost } from '../spf/check-host.ts';
import { explainSpf, formatSpfTree, type SpfTree } from '../spf/explain.ts';
import { lintSpf } from '../spf/lint.ts';
import type { SpfOutcome } from '../spf/outcome.ts';
import type { DiagnosisContext } from './context.ts';
import type { Finding, PublishedRecord } from './finding.ts';

/** Checks whether SPF of the MAIL FROM domain passes for each address, and whether its record has problems. */
export async function checkSpf(context: DiagnosisContext): Promise<Finding[]> {
  const { mailFrom, resolver, signal, addresses } = context;
  const tree = await explainSpf(mailFrom, resolver, { signal });
  const findings = await Promise.all(addresses.map((address) => checkAddress(address, tree, context)));
  const isFixable = tree.record === undefined && !tree.temporary;
  for (const { severity, message, fix, code } of lintSpf(tree)) {
    // With addresses, their findings already say that there is no record.
    if ((code === 'no-record' || code === 'dns-failure') && addresses.length > 0 && tree.record === undefined)
      continue;
    const publish = isFixable ? { publish: proposeRecord(tree, addresses) } : {};
    findings.push({
      check: 'spf',
      severity,
      subject: mailFrom,
      message,
      evidence: evidenceOf(tree),
      fix,
      ...publish,
    });
  }
  if (findings.length === 0) {
    findings.push({
      check: 'spf',
      severity: 'ok',
      subject: mailFrom,
      message: `The SPF record of ${mailFrom} has no problems.`,
      evidence: evidenceOf(tree),
    });
  }
  return findings;
}

async function checkAddress(address: string, tree: SpfTree, context: DiagnosisContext): Promise<Finding> {
  const { mailFrom, helo, resolver, signal } = context;
  const request = { ip: address, sender: `postmaster@${mailFrom}`, helo: helo ?? mailFrom };
  const outcome = await checkHost(request, resolver, { signal, explain: false });
  const base = { check: 'spf', subject: address, evidence: evidenceOf(tree) } as const;
  if (outcome.result === 'pass') return { ...base, severity: 'ok', message: outcome.reason };
  if (outcome.result === 'temperror') {
    return {
      ...base,
      severity: 'warning',
      message: outcome.reason,
      fix: 'Ask again; if it stays, repair the DNS servers of the domain.',
    };
  }
  const publish = proposeRecord(tree, [address]);
  return {
    ...base,
    severity: 'error',
    message: `SPF gives ${outcome.result} for ${address}: ${outcome.reason}`,
    fix: fixFor(outcome, address, mailFrom),
    publish,
  };
}

function fixFor(outcome: SpfOutcome, address: string, domain: string): string {
  if (outcome.result === 'none') return `Publish an SPF record for ${domain} that names ${address}.`;
  if (outcome.result === 'permerror') return `Correct the SPF record of ${domain}, and add ${address} to it.`;
  return `Name ${address} in the SPF record of ${domain}, before its "all".`;
}

/** The record with the addresses added before its `all`, or a new record if there is none. */
function proposeRecord(tree: SpfTree, addresses: readonly string[]): PublishedRecord {
  const terms = addresses.map((address) => `${address.includes(':') ? 'ip6' : 'ip4'}:${address}`);
  const existing = tree.record?.text
    .split(/ +/)
    .slice(1)
    .filter((term) => term !== '') ?? ['mx', '-all'];
  const all = existing.findIndex((term) => /^[+\-~?]?all$|^redirect=/i.test(term));
  const at = all < 0 ? existing.length : all;
  const value = ['v=spf1', ...existing.slice(0, at), ...terms, ...existing.slice(at)].join(' ');
  return { name: tree.domain, type: 'TXT', value };
}

/** The tree of the record; empty for a failed lookup, whose message says enough. */
function evidenceOf(tree: SpfTree): string[] {
  if (tree.temporary) return [];
  return tree.record === undefined
    ? [`${tree.domain} TXT: ${tree.problem}`]
    : formatSpfTree(tree).split('\n');
}
