import { colors } from '../colors.ts';
import { printable } from '../dns/terminal.ts';
import { fitLines } from '../terminal.ts';
import type { CertificateFacts } from './certificate.ts';
import type { Offer, ProbeReport } from './examine.ts';
import type { PolicyVerdict } from './policy.ts';

const marks: Readonly<Record<PolicyVerdict['verdict'], string>> = {
  accepts: colors.green('accepts'),
  refuses: colors.red('refuses'),
  none: colors.dim('none   '),
  unsure: colors.yellow('unsure '),
};

/** Formats a probe as text. */
export function formatProbe(report: ProbeReport, verbose: boolean): string {
  const where = report.address === undefined ? '' : ` at ${report.address}`;
  const lines = [colors.bold(`${report.host}${where}`), ''];
  if (report.error) lines.push(`${colors.red('unreachable')} ${report.error.message} (${report.error.code})`);
  else lines.push(...formatOffers(report), '', ...formatTls(report), '', ...formatPolicies(report));
  if (verbose)
    lines.push('', ...report.transcript.map(({ direction, text }) => `${arrows[direction]} ${text}`));
  return fitLines(lines.map(printableLine));
}

const arrows = { client: '>', server: '<', note: '*' } as const;

function formatOffers({ offers }: ProbeReport): string[] {
  const lines = [`offers in clear text  ${list(offers.clear)}`];
  if (offers.tls) lines.push(`offers inside TLS     ${list(offers.tls)}`);
  return lines;
}

function list(offers: readonly Offer[]): string {
  return offers.map(({ keyword, parameters }) => [keyword, ...parameters].join(' ')).join(', ') || 'nothing';
}

function formatTls({ tls, certificates }: ProbeReport): string[] {
  if (!tls?.secure) return [`TLS   ${colors.yellow('none')}${tls?.error ? `: ${tls.error}` : ''}`];
  return [`TLS   ${tls.protocol} ${tls.cipher}`, ...certificates.flatMap(formatCertificate)];
}

function formatCertificate(
  { subject, issuer, names, validFrom, validTo, key }: CertificateFacts,
  depth: number,
): string[] {
  return [
    `  ${depth}  ${subject} (${key})`,
    ...(names.length > 0 ? [`     for ${names.join(', ')}`] : []),
    `     by ${issuer}, valid ${validFrom.slice(0, 10)} to ${validTo.slice(0, 10)}`,
  ];
}

function formatPolicies({ policies }: ProbeReport): string[] {
  return policies.map(({ policy, verdict, reason }) => `${policy.padEnd(13)} ${marks[verdict]} ${reason}`);
}

/** Makes text of the server and of DNS safe for a terminal, but keeps the colours of the report. */
function printableLine(line: string): string {
  return line
    .split(/(\x1b\[\d+m)/)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join('');
}
