import { evaluateDmarc } from '../dmarc/evaluate.ts';
import type { DmarcFound } from '../dmarc/lookup.ts';
import type { DiagnosisContext } from './context.ts';
import type { Finding } from './finding.ts';

/** Checks whether there is a policy, and whether SPF or DKIM would be aligned with the domain. */
export async function checkDmarc(context: DiagnosisContext): Promise<Finding[]> {
  const { domain, mailFrom, dkim, resolver, signal } = context;
  const base = { check: 'dmarc', subject: domain } as const;
  // Assume that SPF and DKIM pass, since only the alignment of their domains is checked here.
  const outcome = await evaluateDmarc(
    { domain, spf: { result: 'pass', domain: mailFrom }, dkim: dkim.map(() => ({ result: 'pass', domain })) },
    resolver,
    { signal },
  );
  const { lookup } = outcome;
  if (lookup.status === 'temporary') {
    return [
      {
        ...base,
        severity: 'warning',
        message: lookup.reason,
        evidence: [],
        fix: 'Ask again; if it stays, repair the DNS servers of the domain.',
      },
    ];
  }
  if (lookup.status === 'none') {
    const publish = {
      name: `_dmarc.${lookup.organizationalDomain}`,
      type: 'TXT',
      value: `v=DMARC1; p=none; rua=mailto:dmarc@${lookup.organizationalDomain}`,
    } as const;
    const fix = 'Publish a policy, with p=none at first, and read the reports before making it stricter.';
    const message = `${domain} has no DMARC policy; large receivers require one from bulk senders.`;
    return [{ ...base, severity: 'warning', message, evidence: lookup.problems, fix, publish }];
  }
  const findings: Finding[] = lookup.problems.map((problem) => ({
    ...base,
    severity: 'warning',
    message: problem,
    evidence: [evidenceOf(lookup)],
    fix: 'Correct the record.',
  }));
  findings.push(judgeAlignment(outcome.result === 'pass', context, lookup), ...judgePolicy(lookup));
  return findings;
}

function judgeAlignment(
  aligned: boolean,
  { domain, mailFrom }: DiagnosisContext,
  lookup: DmarcFound,
): Finding {
  const base = { check: 'dmarc', subject: domain, evidence: [evidenceOf(lookup)] } as const;
  if (aligned) {
    return {
      ...base,
      severity: 'ok',
      message: `${domain} has the DMARC policy ${lookup.policy}, and its mail is aligned when SPF or DKIM passes.`,
    };
  }
  return {
    ...base,
    severity: 'error',
    message: `Mail from ${domain} is not aligned: its MAIL FROM is in ${mailFrom} and no DKIM signature is of ${domain}.`,
    fix: `Sign with DKIM as ${domain}, or use a MAIL FROM in ${domain}.`,
  };
}

function judgePolicy(lookup: DmarcFound): Finding[] {
  const base = {
    check: 'dmarc',
    subject: lookup.domain,
    severity: 'info',
    evidence: [evidenceOf(lookup)],
  } as const;
  const findings: Finding[] = [];
  if (lookup.policy === 'none') {
    findings.push({
      ...base,
      message: 'The policy is none, so receivers accept forged mail.',
      fix: 'When the reports show that your own mail passes, publish p=quarantine, then p=reject.',
    });
  }
  if (lookup.record.aggregateReports.length === 0) {
    findings.push({
      ...base,
      message: 'No address receives reports about who sends as this domain.',
      fix: `Add rua=mailto:dmarc@${lookup.recordDomain} to the record.`,
    });
  }
  return findings;
}

function evidenceOf(lookup: DmarcFound): string {
  return `_dmarc.${lookup.recordDomain} TXT ${lookup.record.text}`;
}
