import { createPublicKey } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { StoredDomain, StoredDomainKey } from './domain-record.ts';
import type { KeyState } from './key-state.ts';

/** What a record is for. */
export type RecordPurpose = 'dkim' | 'spf' | 'return-path' | 'dmarc' | 'mta-sts' | 'tls-rpt';

/** A record for the DNS of a domain. */
export interface DomainRecord {
  readonly purpose: RecordPurpose;
  /**
   * - `required`: without it mail waits, or is refused
   * - `recommended`: large receivers ask for it
   * - `optional`: a safeguard or reports; the value is a suggestion
   * - `remove`: it is no longer needed
   */
  readonly need: 'required' | 'recommended' | 'optional' | 'remove';
  /** Owner name, without the final dot. */
  readonly name: string;
  readonly type: 'TXT' | 'MX';
  /** The text of a TXT record in one piece; `10 mail.example.com` for MX. */
  readonly value: string;
  /** One sentence for the table and the zone file. */
  readonly note: string;
}

/** Facts about the service that records contain. */
export interface ServiceFacts {
  /** The name in EHLO. */
  readonly hostname: string;
  /** Addresses that mail leaves from. Empty: those that `hostname` has. */
  readonly addresses: readonly string[];
}

const keyNotes: Readonly<Record<KeyState, string>> = {
  next: 'it will sign when all servers have this record',
  published: 'it will sign soon',
  active: 'it signs',
  retiring: 'mail that it signed is on its way',
  removable: 'this record may go',
};

/** The record of a key. */
export function keyRecordOf(domain: string, key: StoredDomainKey, state: KeyState): DomainRecord {
  const kind = key.algorithm === 'rsa-sha256' ? 'RSA' : 'Ed25519';
  return {
    purpose: 'dkim',
    need: state === 'removable' ? 'remove' : 'required',
    name: `${key.selector}._domainkey.${domain}`,
    type: 'TXT',
    value: keyText(key),
    note: `${kind} key: ${keyNotes[state]}.`,
  };
}

/** RFC 6376 §3.6.1; RFC 8463 §4: an Ed25519 key is its 32 raw octets. */
function keyText({ algorithm, publicKey }: StoredDomainKey): string {
  const der = createPublicKey(publicKey).export({ type: 'spki', format: 'der' });
  const isRsa = algorithm === 'rsa-sha256';
  return `v=DKIM1; k=${isRsa ? 'rsa' : 'ed25519'}; p=${(isRsa ? der : der.subarray(-32)).toString('base64')}`;
}

/** The records of a domain besides those of its keys. */
export function policyRecordsOf(
  domain: string,
  { hostname: own, returnPath, createdAt, changedAt }: StoredDomain,
  service: ServiceFacts,
): DomainRecord[] {
  const hostname = own ?? service.hostname;
  const envelope = returnPath ?? domain;
  const text = (
    purpose: RecordPurpose,
    need: DomainRecord['need'],
    name: string,
    value: string,
    note: string,
  ) => ({ purpose, need, name, type: 'TXT', value, note }) as const;
  return [
    text(
      'spf',
      'required',
      envelope,
      spfText(service.addresses, hostname),
      'The hosts that send (RFC 7208).',
    ),
    ...(returnPath === undefined
      ? []
      : [
          {
            purpose: 'return-path',
            need: 'required',
            name: returnPath,
            type: 'MX',
            value: `10 ${hostname}`,
            note: 'Where bounces come in.',
          } as const,
        ]),
    text(
      'dmarc',
      'recommended',
      `_dmarc.${domain}`,
      `v=DMARC1; p=none; rua=mailto:dmarc@${domain}`,
      'What receivers do with mail that fails, and where reports go (RFC 9989).',
    ),
    text(
      'mta-sts',
      'optional',
      `_mta-sts.${envelope}`,
      `v=STSv1; id=${policyId(createdAt, changedAt)}`,
      'Needs the policy at its https address (RFC 8461).',
    ),
    text(
      'tls-rpt',
      'optional',
      `_smtp._tls.${envelope}`,
      `v=TLSRPTv1; rua=mailto:tls-reports@${domain}`,
      'Where reports on TLS go (RFC 8460).',
    ),
  ];
}

/** RFC 8461 §3.1: letters and digits that change with the policy. */
function policyId(createdAt: number, changedAt: number | undefined): string {
  const digits = new Date(changedAt ?? createdAt).toISOString().replaceAll(/\D/g, '');
  return digits.slice(0, changedAt === undefined ? 'yyyymmdd'.length : 'yyyymmddhhmmss'.length);
}

/** RFC 7208 §5.6; without addresses those of the host, which costs a lookup. */
function spfText(addresses: readonly string[], hostname: string): string {
  return `v=spf1 ${spfMechanisms(addresses, hostname).join(' ')} ~all`;
}

/** What must be in the SPF record of a domain. */
export function spfMechanisms(addresses: readonly string[], hostname: string): string[] {
  if (addresses.length === 0) return [`a:${hostname}`];
  return addresses.map((address) => `${isIPv6(address) ? 'ip6' : 'ip4'}:${address}`);
}

/**
 * A file for `https://mta-sts.<domain>/.well-known/mta-sts.txt` (RFC 8461 §3.2), for the domain that bounces come to.
 *
 * @param exchangers  The mail exchangers of that domain.
 */
export function mtaStsPolicy(exchangers: readonly string[]): string {
  const lines = [
    'version: STSv1',
    'mode: testing',
    ...exchangers.map((host) => `mx: ${host}`),
    'max_age: 604800',
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** Longest line of a zone file before a text is put on lines of its own. */
const maxLineLength = 100;

/**
 * Records as lines of a zone file (RFC 1035 §5.1), each with a comment; texts are cut into strings of at most 255 octets.
 * Those that may go are comments.
 *
 * @example formatZoneFile([{ name: '_dmarc.example.com', type: 'TXT', value: 'v=DMARC1; p=none', … }])
 * // '; What receivers do …\n_dmarc.example.com. 3600 IN TXT "v=DMARC1; p=none"\n'
 */
export function formatZoneFile(records: readonly DomainRecord[]): string {
  return records
    .map((record) => {
      const mark = record.need === 'remove' ? '; remove: ' : '';
      const lines = zoneLines(record).map((line) => `${mark}${line}\n`);
      return `; ${record.note}${record.need === 'optional' ? ' Optional.' : ''}\n${lines.join('')}`;
    })
    .join('\n');
}

function zoneLines({ name, type, value }: DomainRecord): string[] {
  const head = `${name}. 3600 IN ${type}`;
  if (type === 'MX') return [`${head} ${value}.`];
  const strings = textStrings(value).map((part) => `"${part.replace(/["\\]/g, '\\$&')}"`);
  const whole = `${head} ${strings.join(' ')}`;
  if (whole.length <= maxLineLength) return [whole];
  return [`${head} (`, ...strings.map((part) => `  ${part}`), ')'];
}

/** A text in character-strings of at most 255 octets (RFC 1035 §3.3.14). */
export function textStrings(text: string): string[] {
  return text.match(/[\s\S]{1,255}/g) ?? [''];
}
