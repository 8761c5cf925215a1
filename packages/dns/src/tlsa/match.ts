import { createHash, createPublicKey, timingSafeEqual, X509Certificate } from 'node:crypto';
import { optionError } from '../errors.ts';
import { list, matching, type OptionTable, readOptions, required, text } from '../option-table.ts';
import type { TlsaRecord } from '../record.ts';
import { isUsableTlsa } from './lookup.ts';

/** The certificates of a server, and what to check them against. */
export interface TlsaPeer {
  /** Certificates in DER, the server's own first. */
  readonly chain: readonly Uint8Array[];
  /** Valid names of a usage-2 certificate; usage 3 ignores names. */
  readonly referenceNames: readonly string[];
  /** Current time in epoch milliseconds, for usage 2; usage 3 ignores dates. */
  readonly now: number;
}

/** What {@link TlsaPeer} accepts. */
export const tlsaPeer = {
  chain: required(
    list(matching<Uint8Array>('the octets of a certificate', (value) => value instanceof Uint8Array)),
  ),
  referenceNames: required(list(text('a name'))),
  now: required(matching<number>('epoch milliseconds', (value) => Number.isFinite(value))),
} satisfies OptionTable<TlsaPeer>;

/** Whether the certificates of a server match a record. */
export type TlsaMatch =
  | {
      readonly matched: true;
      readonly record: TlsaRecord;
      /** Index in the chain; the length of the chain for a trust anchor that is not in it. */
      readonly depth: number;
    }
  | { readonly matched: false; readonly reason: string };

/** Maximum number of certificates to check. */
const maxChain = 10;

/**
 * Matches a server's certificates with TLSA records (RFC 6698 §2, RFC 7671, RFC 7672 §3).
 *
 * Usage 3 (DANE-EE) matches the server's own certificate or key, without its names and dates. Usage 2 (DANE-TA) matches an
 * issuer, and checks signatures, names, dates and CA flags of the chain up to it. Other usages never match.
 *
 * @throws {DnsError} MB_DNS_OPTION.
 * @example
 * const match = matchTlsa(tlsa.records, { chain, referenceNames: tlsa.referenceNames, now: Date.now() });
 */
export function matchTlsa(records: readonly TlsaRecord[], given: TlsaPeer): TlsaMatch {
  const peer = readOptions(given, tlsaPeer, 'matchTlsa: peer');
  if (!Array.isArray(records) || !records.every(isTlsaRecord)) {
    throw optionError('matchTlsa: records must be TLSA records, such as those of lookupTlsa.');
  }
  const usable = records.filter(isUsableTlsa);
  if (usable.length === 0) return { matched: false, reason: 'No TLSA record can be used for mail.' };
  const certificates = parseChain(peer.chain);
  const [leaf] = certificates;
  if (leaf === undefined) return { matched: false, reason: 'The server sent no readable certificate.' };
  const ownRecord = usable.find((record) => record.usage === 3 && selects(record, leaf));
  if (ownRecord !== undefined) return { matched: true, record: ownRecord, depth: 0 };
  return matchIssuer(usable, certificates, peer);
}

function parseChain(chain: readonly Uint8Array[]): X509Certificate[] {
  const certificates: X509Certificate[] = [];
  for (const der of chain.slice(0, maxChain)) {
    try {
      certificates.push(new X509Certificate(der));
    } catch {
      break;
    }
  }
  return certificates;
}

/** Whether a record matches a certificate (RFC 6698 §2.1.2, §2.1.3). */
function selects({ selector, matchingType, data }: TlsaRecord, certificate: X509Certificate): boolean {
  const selected = selector === 0 ? certificate.raw : subjectPublicKeyInfo(certificate);
  const value =
    matchingType === 0 || selected === undefined
      ? selected
      : createHash(matchingType === 1 ? 'sha256' : 'sha512')
          .update(selected)
          .digest();
  return value !== undefined && value.length === data.length && timingSafeEqual(value, data);
}

/** The public key in DER; undefined if it cannot be decoded. */
function subjectPublicKeyInfo(certificate: X509Certificate): Buffer | undefined {
  try {
    return certificate.publicKey.export({ type: 'spki', format: 'der' });
  } catch {
    return undefined;
  }
}

function isTlsaRecord(value: unknown): value is TlsaRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['usage', 'selector', 'matchingType'].every((key) =>
      Number.isInteger((value as Record<string, unknown>)[key]),
    ) &&
    (value as TlsaRecord).data instanceof Uint8Array
  );
}

/** RFC 7671 §5.2: follows the chain from the server's certificate to an issuer that matches a usage-2 record. */
function matchIssuer(
  records: readonly TlsaRecord[],
  certificates: readonly X509Certificate[],
  peer: TlsaPeer,
): TlsaMatch {
  const anchors = records.filter((record) => record.usage === 2);
  const leaf = certificates[0]!;
  if (anchors.length === 0) return { matched: false, reason: 'The certificate matches no TLSA record.' };
  let current = leaf;
  if (!isInDate(leaf, peer.now))
    return { matched: false, reason: 'The certificate is not valid at this time.' };
  const rest = certificates.slice(1);
  for (let depth = 1; depth <= maxChain; depth++) {
    const outside = anchors.find((record) => isIssuedByAnchor(current, record));
    const at = rest.findIndex((candidate) => isIssuer(candidate, current));
    const issuer = rest[at];
    const inside = issuer === undefined ? undefined : anchors.find((record) => selects(record, issuer));
    const record = inside ?? outside;
    // RFC 5280 §6.1.1 (d): only the name and key of a trust anchor count, not its dates.
    if (record !== undefined) return checkNames(leaf, peer.referenceNames, { record, depth });
    if (issuer !== undefined && !isInDate(issuer, peer.now)) {
      return { matched: false, reason: 'An issuing certificate is not valid at this time.' };
    }
    if (issuer === undefined) break;
    rest.splice(at, 1);
    current = issuer;
  }
  return { matched: false, reason: 'No issuer of the certificate matches a TLSA record.' };
}

/** RFC 7671 §5.2.2, §5.2.3: whether the full certificate or key in a record issued the certificate. */
function isIssuedByAnchor(
  certificate: X509Certificate,
  { selector, matchingType, data }: TlsaRecord,
): boolean {
  if (matchingType !== 0) return false;
  try {
    if (selector === 1)
      return certificate.verify(createPublicKey({ key: Buffer.from(data), format: 'der', type: 'spki' }));
    const anchor = new X509Certificate(data);
    // A self-signed certificate of the server is not its own issuer; usage 3 is for that.
    return !anchor.raw.equals(certificate.raw) && isIssuer(anchor, certificate);
  } catch {
    return false;
  }
}

function isIssuer(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && verifies(certificate, issuer);
}

function verifies(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    // Decoding the key of the issuer may throw.
    return certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

function isInDate(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
}

/** RFC 7672 §3.2.2, §3.2.3: the certificate must have one of the reference names; a wildcard is a whole label. */
function checkNames(
  leaf: X509Certificate,
  names: readonly string[],
  match: { readonly record: TlsaRecord; readonly depth: number },
): TlsaMatch {
  const fits = names.some(
    (name) => leaf.checkHost(name, { partialWildcards: false, subject: 'default' }) !== undefined,
  );
  if (fits) return { matched: true, ...match };
  return { matched: false, reason: `The certificate is not for ${names.join(' or ')}.` };
}
