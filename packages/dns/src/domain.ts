import { domainToASCII } from 'node:url';

const plainName = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const asciiName = /^[\x20-\x7e]+$/;

/**
 * Normalizes a domain name to lower-case A-labels (RFC 5890) without trailing dot, the form that this package compares
 * and looks up.
 *
 * @param text  A name in A-labels or U-labels, with or without trailing dot; `.` is the root.
 * @returns The name, or undefined when it has an empty label, a label over 63 octets, more than 253
 *   characters, white space, or letters that IDNA does not allow.
 * @example
 * normalizeDomain('Bücher.Example.') // 'xn--bcher-kva.example'
 */
export function normalizeDomain(text: string): string | undefined {
  const name = normalizeName(text);
  return name?.includes(' ') ? undefined : name;
}

/** Like `normalizeDomain`, but for any name that DNS allows, including spaces (RFC 2181 §11). */
export function normalizeName(text: string): string | undefined {
  if (typeof text !== 'string') return undefined;
  if (text.length <= 253 && plainName.test(text)) return text;
  if (text === '.') return '.';
  if (text.length > 1024) return undefined;
  let name = text.endsWith('.') && !text.endsWith('\\.') ? text.slice(0, -1) : text;
  name = asciiName.test(name) ? name.toLowerCase() : toALabels(name);
  if (name.length === 0 || name.length > 253) return undefined;
  return name.split('.').every((label) => label.length > 0 && label.length <= 63) ? name : undefined;
}

/**
 * UTS #46 by Node's URL parser. It would also drop tabs, decode percent signs and cut off ports, so only the characters of
 * plain names and letters of other scripts are allowed. Empty for an invalid name.
 */
function toALabels(name: string): string {
  if (!/^[a-z0-9_.\u0080-\u{10ffff}-]+$/iu.test(name)) return '';
  const ascii = domainToASCII(name);
  return plainName.test(ascii) ? ascii : '';
}
