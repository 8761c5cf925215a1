import { misuse, type SmtpError } from '../../errors.ts';

// RFC 5321 §4.1.2: Dot-string, Quoted-string; RFC 6531 §3.3 adds every non-ASCII character.
// QUIRK(docomo, ezweb): local parts with leading, trailing and consecutive dots exist, so dots are allowed anywhere.
const dotString = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\u0080-\u{10ffff}]+$/u;
const quotedString = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\u{10ffff}]|\\[\x20-\x7e])*"$/u;
// QUIRK(many): RFC 5321 does not allow an underscore in a domain, but it is used.
const domainName =
  /^[A-Za-z0-9_\u0080-\u{10ffff}](?:[A-Za-z0-9_.\-\u0080-\u{10ffff}]*[A-Za-z0-9_\u0080-\u{10ffff}])?$/u;
const addressLiteral = /^\[[A-Za-z0-9:.-]+\]$/;
// A fast path for most addresses; every match also passes the checks above.
const plainMailbox = /^[\w!#$%&'*+/=?^`{|}~.-]+@\w[\w-]*(?:\.\w[\w-]*)*(?<!-)$/;
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const nonAscii = /[^\u0000-\u007f]/;

const maxMailboxOctets = 512;
const maxDomainOctets = 255;
const encoder = new TextEncoder();
const surrogates = /\p{Surrogate}/u;

/** An address that is safe to write into a command. */
export interface Mailbox {
  readonly address: string;
  /** The part after the last `@`; empty for `postmaster`. */
  readonly domain: string;
  /** Whether it needs SMTPUTF8 (RFC 6531). */
  readonly nonAscii: boolean;
}

/**
 * Checks an address, so that it is safe to write into a command.
 *
 * @param address  `local@domain` with a dot-string or a quoted local part and a domain name or address literal,
 *   or `postmaster` alone (RFC 5321 §4.1.1.3).
 * @throws {SmtpError} MB_SMTP_ADDRESS for control characters, unbalanced quoting, missing parts, or over 512 octets.
 * @example parseMailbox('user@example.com').domain // 'example.com'
 */
export function parseMailbox(address: string): Mailbox {
  if (typeof address !== 'string') throw badAddress('An address must be a string.');
  if (address.length <= maxDomainOctets && plainMailbox.test(address)) {
    return { address, domain: address.slice(address.lastIndexOf('@') + 1), nonAscii: false };
  }
  if (unsafe.test(address) || surrogates.test(address)) {
    throw badAddress('An address holds a control character or half a surrogate pair; nothing was sent.');
  }
  if (/^postmaster$/i.test(address)) return { address, domain: '', nonAscii: false };
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at);
  const domain = address.slice(at + 1);
  if (at < 1 || domain === '') throw badAddress('An address must have the form local@domain.');
  if (!dotString.test(local) && !quotedString.test(local)) {
    throw badAddress(
      'The part before the @ holds a character that must be quoted, or its quoting is unbalanced.',
    );
  }
  if ((!domainName.test(domain) || domain.includes('..')) && !addressLiteral.test(domain)) {
    throw badAddress('The part after the @ is neither a domain name nor an address literal in brackets.');
  }
  const wide = nonAscii.test(address);
  // RFC 5321 §4.5.3.1 guarantees less, but longer local parts exist (VERP); the limit is that of a command line.
  if (octetLength(address, wide) > maxMailboxOctets || octetLength(domain, wide) > maxDomainOctets) {
    throw badAddress(
      `An address may have ${maxMailboxOctets} octets, ${maxDomainOctets} of them after the @.`,
    );
  }
  return { address, domain, nonAscii: wide };
}

/**
 * Checks the name for EHLO, HELO or LHLO (RFC 5321 §4.1.1.1): a domain name or an address literal.
 *
 * @throws {SmtpError} MB_SMTP_OPTION
 */
export function checkHostname(name: string): string {
  const good =
    typeof name === 'string' && (domainName.test(name) || addressLiteral.test(name)) && name.length <= 255;
  if (!good || unsafe.test(name) || nonAscii.test(name)) {
    throw misuse(
      'MB_SMTP_OPTION',
      'hostname must be the ASCII name of this host, or an address literal in brackets.',
    );
  }
  return name;
}

function octetLength(text: string, wide: boolean): number {
  return wide ? encoder.encode(text).length : text.length;
}

function badAddress(message: string): SmtpError {
  return misuse('MB_SMTP_ADDRESS', message);
}
