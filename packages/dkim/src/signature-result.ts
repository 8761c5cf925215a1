import type { BodyHash, BodyHashSet } from './body-hash.ts';
import type { CanonicalizationPair } from './canon/canonicalization.ts';
import type { HeaderField } from './header-scan.ts';
import type { KeyFinder } from './key-finder.ts';
import type { KeyLookup } from './key-lookup.ts';
import type { DkimAlgorithm } from './keys.ts';
import { parseSignature, type Signature, type SignatureKind, type SignatureParse } from './signature.ts';
import { checkBody, checkSignature, expiry, type KeyedVerdict } from './signature-check.ts';
import { signatureInput, withoutSignature } from './signature-input.ts';
import type { SignedHeader } from './signed-header.ts';
import type { Verdict } from './verdict.ts';
import type { VerifyPlan } from './verify-options.ts';

/** What became of one DKIM-Signature field. */
export interface SignatureResult extends Verdict {
  /** `d=`, the domain that takes responsibility: with `status`, the input for DMARC alignment. Absent where it could not be read. */
  readonly domain?: string;
  /** `s=` */
  readonly selector?: string;
  /** `i=`, decoded; `@domain` where the tag is absent. */
  readonly identity?: string;
  /** `a=` */
  readonly algorithm?: DkimAlgorithm;
  /** `c=` */
  readonly canonicalization?: CanonicalizationPair;
  /** Size of the key that was used. */
  readonly keyBits?: number;
  /** The record says `t=y`: the domain is testing. */
  readonly testing?: boolean;
  /** Names in `h=`, lower case, in order; a name beyond the occurrences of its field is an oversigned one. */
  readonly signedHeaders: readonly string[];
  /** Names of fields of which at least one occurrence is not signed, lower case. */
  readonly unsignedHeaders: readonly string[];
  /** Octets of the canonical body: how many the signature covers, and how many there are. What is beyond is not signed. */
  readonly body?: { readonly signedBytes: number; readonly totalBytes: number };
  /** `t=` in epoch seconds. */
  readonly timestamp?: number;
  /** `x=` in epoch seconds. */
  readonly expiresAt?: number;
  /** The first characters of `b=`, which tell signatures apart (RFC 6008 `header.b`). */
  readonly signaturePrefix?: string;
}

/** What several checks of one message share. */
export interface CheckContext {
  readonly plan: VerifyPlan;
  readonly bodies: BodyHashSet;
  readonly keys: KeyFinder;
}

/** A signature whose body hash and key are on their way. */
export interface PendingCheck {
  readonly field: HeaderField;
  readonly parsed: SignatureParse;
  readonly ready:
    | { readonly signature: Signature; readonly body: BodyHash; readonly keys: Promise<KeyLookup> }
    | undefined;
  readonly problem: Verdict | undefined;
}

/** Parses a signature field and starts what takes time; call it before the body is read. */
export function startCheck(
  header: SignedHeader,
  field: HeaderField,
  kind: SignatureKind,
  { plan, bodies, keys }: CheckContext,
): PendingCheck {
  const parsed = parseSignature(header.value(field), kind);
  const { signature } = parsed;
  const problem = parsed.problem ?? (signature && expiry(signature, plan.now()));
  if (signature === undefined || problem !== undefined) return { field, parsed, ready: undefined, problem };
  const body = bodies.need(signature.body, signature.bodyLength);
  return { field, parsed, ready: { signature, body, keys: keys.find(signature) }, problem: undefined };
}

/** Judges a signature; call it after the body was read. */
export async function finishCheck(
  header: SignedHeader,
  { field, parsed, ready, problem }: PendingCheck,
  plan: VerifyPlan,
): Promise<SignatureResult> {
  const covered = header.select(parsed.signature?.headers ?? [], field);
  const facts = signatureFacts(header, field, parsed, covered);
  if (ready === undefined) return { ...facts, ...(problem as Verdict) };
  const { signature, body, keys } = ready;
  const data = signatureInput(
    [...covered].map((one) => ({ octets: header.octets, field: one })),
    withoutSignature({ octets: header.octets, field }),
    signature.header,
  );
  const lookup = await keys;
  const policy = { nowMs: plan.now(), minRsaBits: plan.minRsaBits };
  const { published, ...verdict } = await checkSignature(signature, data, lookup, policy);
  const { totalBytes } = body.digest();
  return {
    ...facts,
    ...inTesting(withBody(verdict, checkBody(signature, body)), published),
    body: { signedBytes: Math.min(signature.bodyLength ?? totalBytes, totalBytes), totalBytes },
    ...(published && { keyBits: published.bits, testing: published.record.testing }),
  };
}

/** RFC 6376 §6.1.2 comes before §6.1.3: a key that must not be used says more than a changed body. */
function withBody(verdict: Verdict, bodyProblem: Verdict | undefined): Verdict {
  const unusable = verdict.status === 'permerror' || verdict.status === 'policy';
  return unusable ? verdict : (bodyProblem ?? verdict);
}

/** RFC 6376 §3.6.1, flag y: a failure in testing is no worse than no signature. */
function inTesting(verdict: Verdict, published: KeyedVerdict['published']): Verdict {
  if (!published?.record.testing || verdict.status === 'pass' || verdict.status === 'temperror')
    return verdict;
  return { ...verdict, status: 'neutral' };
}

function signatureFacts(
  header: SignedHeader,
  field: HeaderField,
  { tags, signature }: SignatureParse,
  covered: ReadonlySet<HeaderField>,
): Omit<SignatureResult, keyof Verdict> {
  const unsigned = new Set<string>();
  for (const one of header.fields) {
    if (!covered.has(one) && one !== field && one.name !== '') unsigned.add(one.name);
  }
  const domain = signature?.domain ?? tags.get('d');
  const selector = signature?.selector ?? tags.get('s');
  const prefix = tags
    .get('b')
    ?.replace(/[ \t\r\n]+/g, '')
    .slice(0, 8);
  return {
    ...(domain && { domain }),
    ...(selector && { selector }),
    ...(signature && {
      identity: signature.identity,
      algorithm: signature.algorithm,
      canonicalization: signature.canonicalization,
    }),
    signedHeaders: signature?.headers ?? [],
    unsignedHeaders: [...unsigned],
    ...(signature?.timestamp !== undefined && { timestamp: signature.timestamp }),
    ...(signature?.expiresAt !== undefined && { expiresAt: signature.expiresAt }),
    ...(prefix && { signaturePrefix: prefix }),
  };
}
