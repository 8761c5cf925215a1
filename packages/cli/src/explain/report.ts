import type { ExplainedDelivery, ExplainedHost } from '@mb/broker';
import { colors as pc } from '../colors.ts';
import { printable, terminalWidth, wrap } from '../terminal.ts';

/** How a route was found, in words. */
const VIA: Readonly<Record<NonNullable<ExplainedDelivery['via']>, string>> = {
  mx: 'by its mail exchangers',
  implicit: 'by its own address, since it has no mail exchanger',
  literal: 'to the address given',
  smarthost: 'through a relay',
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
  for (const { name, reason } of skipped) lines.push(wrap(printable(`not ${name}: ${reason}`), '  ', width));
  return `${lines.join('\n')}\n`;
}

function formatHost(
  { name, preference, addresses, security }: ExplainedHost,
  rank: number,
  width: number,
): string[] {
  const policy = security.usable ? pc.green(`TLS ${security.tls.level}`) : pc.red('not used');
  return [
    `  ${rank}. ${printable(name)} (${preference})`,
    `     ${policy} by ${security.basis}`,
    wrap(addresses.join(' ') || 'no address', '     ', width),
    wrap(printable(security.why), '     ', width),
  ];
}
