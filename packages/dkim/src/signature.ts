import type { Canonicalization, CanonicalizationPair } from './canon/canonicalization.ts';
import { isSameOrSubdomain, toAscii } from './domain-name.ts';
import { DkimError } from './errors.ts';
import type { DkimAlgorithm } from './keys.ts';
import { decodeBase64Tag, parseTagList, splitTagValue, type TagList } from './tag-list.ts';
import { permerror, type Verdict } from './verdict.ts';

/** The field of a tag list: ARC uses the DKIM tags with small differences (RFC 8617 §4.1). */
export type SignatureKind = 'dkim' | 'arc-message' | 'arc-seal';

/** A parsed, valid signature field. */
export interface Signature {
  readonly algorithm: DkimAlgorithm;
  readonly domain: string;
  readonly selector: string;
  readonly signature: Buffer;
  readonly canonicalization: CanonicalizationPair;
  readonly header: Canonicalization;
  readonly body: Canonicalization;
  /** Names of `h=` in lower case, in order; empty for an ARC seal. */
  readonly headers: readonly string[];
  /** Empty for an ARC seal. */
  readonly bodyHash: Buffer;
  /** `i=` of DKIM, decoded; default `@domain`. */
  readonly identity: string;
  readonly identityDomain: string;
  readonly bodyLength: number | undefined;
  /** Epoch seconds. */
  readonly timestamp: number | undefined;
  /** Epoch seconds. */
  readonly expiresAt: number | undefined;
}

/** The result of parsing a signature field: the tags, as far as they could be read, and a signature or a problem. */
export interface SignatureParse {
  readonly tags: TagList;
  readonly signature: Signature | undefined;
  readonly problem: Verdict | undefined;
}

const requiredTags: Record<SignatureKind, readonly string[]> = {
  dkim: ['v', 'a', 'b', 'bh', 'd', 'h', 's'],
  'arc-message': ['a', 'b', 'bh', 'd', 'h', 's'],
  'arc-seal': ['a', 'b', 'd', 's'],
};

/**
 * Parses the value of a DKIM-Signature field (RFC 6376 §3.5, §6.1.1), an ARC-Message-Signature or an ARC-Seal.
 *
 * Never throws; errors are in `problem`.
 */
export function parseSignature(value: string, kind: SignatureKind = 'dkim'): SignatureParse {
  let tags: TagList = new Map();
  try {
    tags = parseTagList(value);
    return { tags, signature: readSignature(tags, kind), problem: undefined };
  } catch (error) {
    return { tags, signature: undefined, problem: toVerdict(error) };
  }
}

/** Thrown with a verdict within {@link readSignature}; not visible outside of this file. */
class Problem extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict.detail);
    this.verdict = verdict;
  }
}

function toVerdict(error: unknown): Verdict {
  if (error instanceof Problem) return error.verdict;
  if (!DkimError.isInstance(error)) throw error;
  return permerror(error.code === 'MB_DKIM_TAG_DUPLICATE' ? 'tag-duplicate' : 'tag-syntax', error.message);
}

function readSignature(tags: TagList, kind: SignatureKind): Signature {
  const version = tags.get('v');
  // RFC 6376 §3.5: v= MUST be 1. RFC 8617 §4.1: the ARC fields have no version.
  if (kind === 'dkim' && version !== undefined && version !== '1') {
    throw new Problem(permerror('version-unknown', 'The version in v= is not 1.'));
  }
  for (const name of requiredTags[kind]) {
    if (!tags.get(name))
      throw new Problem(permerror('tag-missing', `The required tag ${name}= is missing or empty.`));
  }
  const domain = readDomain(tags.get('d')!, 'd');
  const [header, body] = readCanonicalization(tags.get('c'), kind);
  const identity = readIdentity(kind === 'dkim' ? tags.get('i') : undefined, domain);
  const timestamp = readNumber(tags, 't');
  const expiresAt = readNumber(tags, 'x');
  if (timestamp !== undefined && expiresAt !== undefined && expiresAt <= timestamp) {
    // RFC 6376 §3.5: x= MUST be greater than t=.
    throw new Problem(permerror('tag-value', 'The signature expires (x=) before it was made (t=).'));
  }
  readQueryMethods(tags.get('q'));
  return {
    algorithm: readAlgorithm(tags.get('a')!),
    domain,
    selector: readDomain(tags.get('s')!, 's'),
    signature: readBase64(tags, 'b'),
    canonicalization: `${header}/${body}`,
    header,
    body,
    headers: kind === 'arc-seal' ? [] : readHeaderNames(tags.get('h')!),
    bodyHash: kind === 'arc-seal' ? Buffer.alloc(0) : readBase64(tags, 'bh'),
    ...identity,
    bodyLength: kind === 'arc-seal' ? undefined : readNumber(tags, 'l'),
    timestamp,
    expiresAt,
  };
}

function readAlgorithm(value: string): DkimAlgorithm {
  const algorithm = value.toLowerCase();
  if (algorithm === 'rsa-sha256' || algorithm === 'ed25519-sha256') return algorithm;
  // RFC 8301 §3.1: a signature with rsa-sha1 has permanently failed.
  if (algorithm === 'rsa-sha1')
    throw new Problem(permerror('algorithm-forbidden', 'rsa-sha1 is no longer accepted.'));
  throw new Problem(permerror('algorithm-unknown', 'The algorithm in a= is unknown.'));
}

function readCanonicalization(
  value: string | undefined,
  kind: SignatureKind,
): [Canonicalization, Canonicalization] {
  // RFC 8617 §4.1.3: a seal is always relaxed.
  if (kind === 'arc-seal') return ['relaxed', 'relaxed'];
  // RFC 6376 §3.5: simple is the default for both halves.
  const [header = '', body = 'simple', ...more] = (value ?? 'simple').toLowerCase().split('/');
  if (!isCanonicalization(header) || !isCanonicalization(body) || more.length > 0) {
    throw new Problem(permerror('canonicalization-unknown', 'The canonicalisation in c= is unknown.'));
  }
  return [header, body];
}

function isCanonicalization(text: string): text is Canonicalization {
  return text === 'simple' || text === 'relaxed';
}

function readHeaderNames(value: string): string[] {
  // DEVIATES RFC 6376 §3.5: empty names, as in `a::b` and `a:`, are allowed, since they cover no field.
  const names = splitTagValue(value.toLowerCase()).filter((name) => name !== '');
  if (names.some((name) => !/^[\x21-\x39\x3c-\x7e]+$/.test(name))) {
    throw new Problem(permerror('tag-value', 'The list in h= has an invalid field name.'));
  }
  // RFC 6376 §6.1.1: h= without From is invalid.
  if (!names.includes('from'))
    throw new Problem(permerror('from-not-signed', 'The From field is not signed.'));
  return names;
}

function readIdentity(
  value: string | undefined,
  domain: string,
): { identity: string; identityDomain: string } {
  if (value === undefined) return { identity: `@${domain}`, identityDomain: domain };
  const text = decodeDkimQuotedPrintable(value);
  const at = text.lastIndexOf('@');
  if (at < 0) throw new Problem(permerror('tag-value', 'The identity in i= has no domain.'));
  const identityDomain = readDomain(text.slice(at + 1), 'i');
  // RFC 6376 §6.1.1: i= must be in d= or below.
  if (!isSameOrSubdomain(identityDomain, domain)) {
    throw new Problem(
      permerror('identity-mismatch', 'The domain in i= is not the domain in d= or below it.'),
    );
  }
  return { identity: text, identityDomain };
}

/** RFC 6376 §2.11: ignores white space, and decodes `=XX`. */
function decodeDkimQuotedPrintable(value: string): string {
  const octets = Buffer.from(value.replace(/[ \t\r\n]+/g, ''), 'utf8');
  let to = 0;
  for (let at = 0; at < octets.length; at++, to++) {
    const hex = octets[at] === 0x3d ? octets.toString('latin1', at + 1, at + 3) : '';
    if (/^[0-9A-Fa-f]{2}$/.test(hex)) {
      octets[to] = Number.parseInt(hex, 16);
      at += 2;
    } else {
      octets[to] = octets[at]!;
    }
  }
  return octets.toString('utf8', 0, to);
}

function readDomain(value: string, tag: string): string {
  try {
    // RFC 8616 §4: U-labels are allowed in d=, i= and s=; DNS gets A-labels.
    return toAscii(value, tag).toLowerCase();
  } catch {
    throw new Problem(permerror('tag-value', `The value of ${tag}= is not a DNS name.`));
  }
}

function readNumber(tags: TagList, tag: string): number | undefined {
  const value = tags.get(tag);
  if (value === undefined) return undefined;
  // RFC 6376 §3.5: t= and x= may have at least 12 digits, l= up to 76.
  if (!/^[0-9]{1,76}$/.test(value))
    throw new Problem(permerror('tag-value', `The value of ${tag}= is not a number.`));
  return Number(value);
}

function readBase64(tags: TagList, tag: string): Buffer {
  const octets = decodeBase64Tag(tags.get(tag)!);
  if (octets === undefined) throw new Problem(permerror('tag-value', `The value of ${tag}= is not base64.`));
  return octets;
}

function readQueryMethods(value: string | undefined): void {
  if (value === undefined) return;
  // RFC 6376 §3.5: unknown methods are ignored, but dns/txt must be one of them. Options may follow `dns/txt`.
  if (!splitTagValue(value.toLowerCase()).some((method) => method === 'dns/txt' || method === 'dns')) {
    throw new Problem(permerror('query-unknown', 'The query methods in q= do not include dns/txt.'));
  }
}
