import { checkType, misuse } from '../../errors.ts';
import { refuseUnknownKeys } from '../../option-table.ts';
import { type Mailbox, parseMailbox } from './mailbox.ts';

/** When to report the outcome of a recipient (RFC 3461 §4.1). */
export type Notify = 'never' | readonly ('success' | 'failure' | 'delay')[];

/** A recipient with its own delivery options. */
export interface EnvelopeRecipient {
  /** `local@domain` */
  readonly address: string;
  /** RFC 3461 §4.1; sent only if the server offers DSN. */
  readonly notify?: Notify | undefined;
  /** RFC 3461 §4.2: the original recipient as an address, or `type;value` with the value not encoded. */
  readonly orcpt?: string | undefined;
}

/** The envelope of a message: return path, recipients and parameters of MAIL. */
export interface Envelope {
  /** The reverse-path; `''` is the null reverse-path. */
  readonly from: string;
  readonly to: readonly (string | EnvelopeRecipient)[];
  /** Size of the content in octets, for SIZE (RFC 1870). Computed if the content is one array. */
  readonly size?: number | undefined;
  /** Whether the header needs SMTPUTF8; addresses are checked anyway. */
  readonly smtputf8?: boolean | undefined;
  /** The encoding of the content. Default: detected if the content is one array. */
  readonly body?: '7bit' | '8bitmime' | 'binarymime' | undefined;
  /** RFC 3461 §4.3: whether a failure report returns the full message or its header. */
  readonly ret?: 'full' | 'headers' | undefined;
  /** RFC 3461 §4.4: an identifier of the sender, up to 100 printable ASCII characters. */
  readonly envid?: string | undefined;
  /** RFC 8689: deliver the message only to a server that offers REQUIRETLS inside TLS. */
  readonly requireTls?: boolean | undefined;
}

/** A recipient that is safe to write. */
export interface CheckedRecipient extends Mailbox {
  /** DSN parameters of RCPT, each with a leading space; empty if there are none. */
  readonly dsn: string;
}

/** An envelope whose parts are safe to write into commands. */
export interface CheckedEnvelope {
  readonly from: Mailbox;
  readonly to: readonly CheckedRecipient[];
  readonly size: number | undefined;
  readonly smtputf8: boolean;
  readonly body: Envelope['body'];
  /** DSN parameters of MAIL, each with a leading space. */
  readonly dsn: string;
  readonly requireTls: boolean;
}

const nullSender: Mailbox = { address: '', domain: '', nonAscii: false };
const envelopeKeys: Readonly<Record<keyof Envelope, true>> = {
  from: true,
  to: true,
  size: true,
  smtputf8: true,
  body: true,
  ret: true,
  envid: true,
  requireTls: true,
};
const recipientKeys: Readonly<Record<keyof EnvelopeRecipient, true>> = {
  address: true,
  notify: true,
  orcpt: true,
};
const encoder = new TextEncoder();
const surrogates = /\p{Surrogate}/u;

/**
 * Checks every part of an envelope.
 * @throws {SmtpError} MB_SMTP_ADDRESS, MB_SMTP_PARAMETER
 */
export function checkEnvelope(envelope: Envelope): CheckedEnvelope {
  checkKeys(envelope, envelopeKeys, 'envelope');
  const { from, to, size, body, ret, envid } = envelope;
  if (!Array.isArray(to) || to.length === 0)
    throw misuse('MB_SMTP_ADDRESS', 'An envelope needs at least one recipient.');
  for (const flag of ['smtputf8', 'requireTls'] as const) {
    if (envelope[flag] !== undefined && typeof envelope[flag] !== 'boolean')
      throw misuse('MB_SMTP_PARAMETER', `envelope.${flag} must be true or false.`);
  }
  if (size !== undefined && (!Number.isSafeInteger(size) || size < 0)) {
    throw misuse('MB_SMTP_PARAMETER', 'envelope.size must be a whole number of octets.');
  }
  if (body !== undefined && body !== '7bit' && body !== '8bitmime' && body !== 'binarymime') {
    throw misuse('MB_SMTP_PARAMETER', "envelope.body must be '7bit', '8bitmime' or 'binarymime'.");
  }
  return {
    from: from === '' ? nullSender : parseMailbox(from),
    to: to.map(checkRecipient),
    size,
    smtputf8: envelope.smtputf8 === true,
    body,
    dsn: formatRet(ret) + formatEnvid(envid),
    requireTls: envelope.requireTls === true,
  };
}

function checkRecipient(recipient: string | EnvelopeRecipient): CheckedRecipient {
  if (typeof recipient === 'string') {
    const { address, domain, nonAscii } = parseMailbox(recipient);
    return { address, domain, nonAscii, dsn: '' };
  }
  if (typeof recipient !== 'object' || recipient === null) {
    throw misuse('MB_SMTP_ADDRESS', 'A recipient must be an address or an object with one.');
  }
  checkKeys(recipient, recipientKeys, 'recipient');
  const dsn = formatNotify(recipient.notify) + formatOrcpt(recipient.orcpt);
  return { ...parseMailbox(recipient.address), dsn };
}

function checkKeys(value: unknown, known: object, name: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw misuse('MB_SMTP_PARAMETER', `${name} must be an object.`);
  try {
    refuseUnknownKeys(value, known, name);
  } catch (error) {
    throw misuse('MB_SMTP_PARAMETER', (error as Error).message);
  }
}

/** RFC 3461 §4.1: NEVER must be alone; the others can be combined. */
function formatNotify(notify: Notify | undefined): string {
  if (notify === undefined) return '';
  if (notify === 'never') return ' NOTIFY=NEVER';
  const known = ['success', 'failure', 'delay'];
  if (!Array.isArray(notify) || notify.length === 0 || notify.some((when) => !known.includes(when))) {
    throw misuse(
      'MB_SMTP_PARAMETER',
      "notify must be 'never' or a list of 'success', 'failure' and 'delay'.",
    );
  }
  return ` NOTIFY=${[...new Set(notify)].join(',').toUpperCase()}`;
}

/** RFC 3461 §4.2 and, for addresses beyond ASCII, RFC 6533 §3. */
function formatOrcpt(orcpt: string | undefined): string {
  if (orcpt === undefined) return '';
  if (typeof orcpt !== 'string' || orcpt === '' || surrogates.test(orcpt)) {
    throw misuse('MB_SMTP_PARAMETER', 'orcpt must be an address, or type;value.');
  }
  const typed = /^([A-Za-z0-9-]+);(.*)$/s.exec(orcpt);
  const value = typed ? typed[2]! : orcpt;
  const wide = /[^\u0000-\u007f]/.test(value);
  const type = typed && !(wide && /^rfc822$/i.test(typed[1]!)) ? typed[1]! : wide ? 'utf-8' : 'rfc822';
  const encoded = type.toLowerCase() === 'utf-8' ? encodeUtf8Address(value) : encodeXtext(value);
  // RFC 3461 §4.2: at most 500 characters.
  if (encoded.length > 500)
    throw misuse('MB_SMTP_PARAMETER', 'orcpt is longer than 500 characters when encoded.');
  return ` ORCPT=${type};${encoded}`;
}

function formatRet(ret: Envelope['ret']): string {
  if (ret === undefined) return '';
  if (ret !== 'full' && ret !== 'headers')
    throw misuse('MB_SMTP_PARAMETER', "ret must be 'full' or 'headers'.");
  return ret === 'full' ? ' RET=FULL' : ' RET=HDRS';
}

function formatEnvid(envid: string | undefined): string {
  if (envid === undefined) return '';
  // RFC 3461 §4.4: printable ASCII, at most 100 characters.
  if (typeof envid !== 'string' || !/^[\x20-\x7e]{1,100}$/.test(envid)) {
    throw misuse('MB_SMTP_PARAMETER', 'envid must be 1 to 100 printable ASCII characters.');
  }
  return ` ENVID=${encodeXtext(envid)}`;
}

/**
 * Encodes text as xtext (RFC 3461 §4): every octet except printable ASCII without `+` and `=` becomes `+XX`.
 * @example encodeXtext('a+b=c') // 'a+2Bb+3Dc'
 */
export function encodeXtext(text: string): string {
  checkType(typeof text === 'string', 'encodeXtext: text', 'a string');
  let out = '';
  for (const octet of encoder.encode(text)) {
    const literal = octet > 32 && octet < 127 && octet !== 43 && octet !== 61;
    out += literal ? String.fromCharCode(octet) : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/**
 * Encodes an address as utf-8-addr-xtext (RFC 6533 §3), which is ASCII and so valid with and without SMTPUTF8.
 * @example encodeUtf8Address('é@example.com') // '\\x{E9}@example.com'
 */
export function encodeUtf8Address(address: string): string {
  checkType(typeof address === 'string', 'encodeUtf8Address: address', 'a string');
  let out = '';
  for (const character of address) {
    const point = character.codePointAt(0)!;
    const literal = point > 32 && point < 127 && point !== 43 && point !== 61 && point !== 92;
    out += literal ? character : `\\x{${point.toString(16).toUpperCase().padStart(2, '0')}}`;
  }
  return out;
}
