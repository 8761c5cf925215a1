import { describe, MimeError, type MimeErrorCode } from './errors.ts';
import { isAscii } from './utf8.ts';

const MAX_DOMAIN = 253; // 255 octets on the wire, RFC 1035 §2.3.4

/**
 * Converts a mail domain to lower-case A-labels, for comparison and DNS lookup (UTS #46, non-transitional).
 *
 * @param domain  A domain in any case, in U-labels or A-labels, without trailing dot; or an address literal
 *   (`[192.0.2.1]`, `[IPv6:2001:db8::1]`).
 * @throws {MimeError} MB_MIME_DOMAIN for an invalid domain or literal; MB_MIME_ADDRESS_LENGTH for a label over 63 or
 *   a name over 253 octets.
 * @example domainToAscii('Faß.de') // 'xn--fa-hia.de'
 */
export function domainToAscii(domain: string): string {
  if (typeof domain !== 'string') throw invalid(domain);
  if (domain.startsWith('[')) {
    const [, ipv6] = LITERAL.exec(domain) ?? [];
    if (ipv6 === undefined ? !LITERAL.test(domain) : !URL.canParse(`http://[${ipv6}]/`))
      throw invalid(domain, 'MB_MIME_DOMAIN', 'An address literal is [IPv4] or [IPv6:address].');
    return domain.toLowerCase();
  }
  const ascii = isAscii(domain) ? domain.toLowerCase() : toALabels(domain);
  if (ascii.length <= MAX_DOMAIN && HOST_NAME.test(ascii)) return ascii;
  // RFC 1035 §2.3.4
  throw ascii.length > MAX_DOMAIN || /[^.]{64}/.test(ascii)
    ? invalid(ascii, 'MB_MIME_ADDRESS_LENGTH', 'A domain has at most 253 octets, a label at most 63.')
    : invalid(ascii);
}

/** Returns an ASCII domain unchanged, and any other in A-labels. */
export function domainForWire(domain: string): string {
  return isAscii(domain) ? domain : domainToAscii(domain);
}

function invalid(
  domain: unknown,
  code: MimeErrorCode = 'MB_MIME_DOMAIN',
  what = 'The part after the @ must be a mail domain: letters, digits and hyphens between single dots.',
): MimeError {
  const kind = typeof domain === 'string' ? 'invalid-input' : 'api-misuse';
  return new MimeError(code, what, { kind, value: describe(domain) });
}

function toALabels(domain: string): string {
  // The URL parser is the only UTS #46 implementation in every runtime. Characters with a meaning in URLs must not
  // reach it.
  if (/[\0-,/:-@[-^`{-\x7f]/.test(domain)) throw invalid(domain);
  const url = `http://${domain}/`;
  const hostname = URL.canParse(url) ? new URL(url).hostname : '';
  // The URL parser converts digits of other scripts too, and may return an IPv4 address.
  if (hostname === '' || /(?:^|\.)\d+\.?$/.test(hostname)) throw invalid(domain);
  return hostname;
}

/**
 * Labels of letters, digits and underscores, with hyphens inside.
 *
 * DEVIATES RFC 5321 §4.1.2: hosts with underscores exist and receive mail.
 */
const HOST_NAME = /^(?:\w(?:[\w-]{0,61}\w)?\.)*\w(?:[\w-]{0,61}\w)?$/;

/** An IPv6 or IPv4 address literal (RFC 5321 §4.1.3). */
const LITERAL = /^\[(?:IPv6:([0-9a-f:.]{2,45})|(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!])|(?=]))){4})]$/i;
