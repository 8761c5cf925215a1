import { describe, MimeError, type MimeErrorCode } from './errors.ts';
import { isAscii } from './utf8.ts';

const MAX_LABEL = 63; // RFC 1035 §2.3.4
const MAX_DOMAIN = 253; // 255 octets on the wire, RFC 1035 §2.3.4

/**
 * The form of a mail domain that can be compared and looked up: lower-case A-labels (UTS #46, non-transitional).
 *
 * @param domain  A domain in any case, in U-labels or A-labels, without trailing dot; or an address literal
 *   (`[192.0.2.1]`, `[IPv6:2001:db8::1]`).
 * @throws {MimeError} MB_MIME_DOMAIN for a name that is no domain; MB_MIME_ADDRESS_LENGTH for a label over 63 or a
 *   name over 253 octets.
 * @example domainToAscii('Faß.de') // 'xn--fa-hia.de'
 */
export function domainToAscii(domain: string): string {
  if (typeof domain !== 'string') throw invalid(domain);
  if (domain.startsWith('[')) {
    checkLiteral(domain);
    return domain.toLowerCase();
  }
  const ascii = isAscii(domain) ? domain.toLowerCase() : toALabels(domain);
  checkAsciiDomain(ascii);
  return ascii;
}

/** The domain as it can stand in an ASCII address: as given, or in A-labels when it has other characters. */
export function domainForWire(domain: string): string {
  return isAscii(domain) ? domain : domainToAscii(domain);
}

function invalid(domain: unknown, code: MimeErrorCode = 'MB_MIME_DOMAIN', what = ''): MimeError {
  const message =
    what || 'The part after the @ must be a mail domain: letters, digits and hyphens between single dots.';
  const kind = typeof domain === 'string' ? 'invalid-input' : 'api-misuse';
  return new MimeError(code, message, { kind, value: describe(domain) });
}

function toALabels(domain: string): string {
  // The platform's URL parser is the one UTS #46 implementation that every runtime has. What has a meaning of its
  // own in a URL is kept away from it.
  if (/[\0-,/:-@[-^`{-\x7f]/.test(domain)) throw invalid(domain);
  const url = `http://${domain}/`;
  const hostname = URL.canParse(url) ? new URL(url).hostname : '';
  // An address in digits of other scripts would come back as an IPv4 address.
  if (hostname === '' || /(?:^|\.)\d+\.?$/.test(hostname)) throw invalid(domain);
  return hostname;
}

/** Refuses what is no host name: labels of letters, digits, hyphens and underscores. */
function checkAsciiDomain(domain: string): void {
  if (isAsciiDomain(domain)) return;
  const long = domain.length > MAX_DOMAIN || domain.split('.').some((label) => label.length > MAX_LABEL);
  if (!long) throw invalid(domain);
  const what = `A domain has at most ${MAX_DOMAIN} octets, a label at most ${MAX_LABEL}.`;
  throw invalid(domain, 'MB_MIME_ADDRESS_LENGTH', what);
}

/**
 * Labels of letters, digits, hyphens inside and underscores.
 *
 * DEVIATES RFC 5321 §4.1.2: hosts with underscores exist and receive mail.
 */
const HOST_NAME = /^(?:\w(?:[\w-]{0,61}\w)?\.)*\w(?:[\w-]{0,61}\w)?$/;

/** True for an ASCII host name: no empty label, no label over 63 octets or with a hyphen at an end. */
function isAsciiDomain(domain: string): boolean {
  return domain.length <= MAX_DOMAIN && HOST_NAME.test(domain);
}

/** Refuses an address literal other than `[IPv4]` and `[IPv6:…]` (RFC 5321 §4.1.3). */
function checkLiteral(domain: string): void {
  const ipv6 = /^\[IPv6:([0-9a-f:.]{2,45})\]$/i.exec(domain)?.[1];
  if (
    ipv6 !== undefined
      ? URL.canParse(`http://[${ipv6}]/`)
      : isIpv4(domain.slice(1, -1)) && domain.endsWith(']')
  ) {
    return;
  }
  throw invalid(domain, 'MB_MIME_DOMAIN', 'An address literal is [IPv4] or [IPv6:address].');
}

function isIpv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$/.test(text);
}
