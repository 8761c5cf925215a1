import { isIPv4, isIPv6 } from 'node:net';

/**
 * Reads an address literal: `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
 *
 * @returns The address, or undefined when the text is not an address literal.
 */
export function parseAddressLiteral(text: string): { address: string; family: 4 | 6 } | undefined {
  if (!text.startsWith('[') || !text.endsWith(']')) return undefined;
  const inner = text.slice(1, -1);
  if (isIPv4(inner)) return { address: inner, family: 4 };
  const tagged = /^ipv6:(.+)$/i.exec(inner)?.[1];
  if (tagged !== undefined && isIPv6(tagged) && !tagged.includes('%')) return { address: tagged, family: 6 };
  return undefined;
}
