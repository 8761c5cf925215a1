import type { ExplainedDelivery, ExplainedHost, HostSecurity, SecurityBasis } from '@mb/broker';
import { colors as pc } from '../colors.ts';
import { printable, terminalWidth, wrap } from '../terminal.ts';

/** How a route was found, in words. */
const VIA: Readonly<Record<NonNullable<ExplainedDelivery['via']>, string>> = {
  mx: 'by its mail exchangers',
  implicit: 'by its own address, since it has no mail exchanger',
  literal: 'to the address given',
  smarthost: 'through a relay',
};

/** What requires the level of TLS. */
const BASIS: Readonly<Record<SecurityBasis, string>> = {
  dane: 'by DANE',
  'mta-sts': 'by MTA-STS',
  requiretls: 'by REQUIRETLS',
  configured: 'by configuration',
  opportunistic: 'by default',
};

/** What would happen to the mail for one domain, as text. */
export function formatDelivery(delivery: ExplainedDelivery, width = terminalWidth()): string {
  const { domain, via, port, protocol, hosts, skipped, failure } = delivery;
  const how = `${via === undefined ? '' : `${VIA[via]}, `}${protocol.toUpperCase()} port ${port}`;
  const lines = [pc.bold(printable(domain)), wrap(how, '  ', width)];
  if (failure) {
    const sign = failure.status === 'permanent' ? pc.red('✗') : pc.yellow('…');
    const text = `${failure.reason} (${failure.enhancedCode})`;
    lines.push(`  ${sign} ${wrap(printable(text), '    ', width).trimStart()}`);
  }
  hosts.forEach((host, index) => {
    lines.push(...formatHost(host, index + 1, width));
  });
  for (const { name, reason } of skipped)
    lines.push(wrap(printable(`not used: ${name}: ${reason}`), '  ', width));
  return `${lines.join('\n')}\n`;
}

function formatHost(
  { name, preference, addresses, security }: ExplainedHost,
  rank: number,
  width: number,
): string[] {
  return [
    `  ${rank}. ${printable(name)} (${preference})`,
    `     ${describeSecurity(security)}`,
    wrap(addresses.join(' ') || 'no address', '     ', width),
    wrap(printable(security.why), '     ', width),
  ];
}

function describeSecurity(security: HostSecurity): string {
  if (security.usable) return `${pc.green(`TLS ${security.tls.level}`)} ${BASIS[security.basis]}`;
  return security.local ? pc.yellow('TLS not known') : `${pc.red('not used')} ${BASIS[security.basis]}`;
}
