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

/** The result of a DKIM-Signature field. */
export interface SignatureResult extends Verdict {
  /** `d=`, the signing domain, for DMARC alignment. Absent if it could not be read. */
  readonly domain?: string;
  /** `s=` */
  readonly selector?: string;
  /** `i=`, decoded; default `@domain`. */
  readonly identity?: string;
  /** `a=` */
  readonly algorithm?: DkimAlgorithm;
  /** `c=` */
  readonly canonicalization?: CanonicalizationPair;
  /** Size of the key in bits. */
  readonly keyBits?: number;
  /** `t=y` in the record: the domain is testing DKIM. */
  readonly testing?: boolean;
  /** Names in `h=`, in lower case and in order; an oversigned name appears more often than its field. */
  readonly signedHeaders: readonly string[];
  /** Names of fields with an occurrence that is not signed, in lower case. */
  readonly unsignedHeaders: readonly string[];
  /** Size of the signed part and of the whole canonical body, in octets. */
  readonly body?: { readonly signedBytes: number; readonly totalBytes: number };
  /** `t=` in epoch seconds. */
  readonly timestamp?: number;
  /** `x=` in epoch seconds. */
  readonly expiresAt?: number;
  /** The first characters of `b=`, which identify the signature (RFC 6008 `header.b`). */
  readonly signaturePrefix?: string;
}

/** The context that the checks of a message share. */
export interface CheckContext {
  readonly plan: VerifyPlan;
  readonly bodies: BodyHashSet;
  readonly keys: KeyFinder;
}

/** A signature whose body hash and key are pending. */
export interface PendingCheck {
  readonly field: HeaderField;
  readonly parsed: SignatureParse;
  readonly ready:
    | { readonly signature: Signature; readonly body: BodyHash; readonly keys: Promise<KeyLookup> }
    | undefined;
  readonly problem: Verdict | undefined;
}

/** Parses a signature field, and starts the key lookup; call it before the body is read. */
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

/** Verifies a signature; call it after the body was read. */
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

/** RFC 6376 §6.1.2 comes before §6.1.3: an unusable key takes precedence over a changed body. */
function withBody(verdict: Verdict, bodyProblem: Verdict | undefined): Verdict {
  const unusable = verdict.status === 'permerror' || verdict.status === 'policy';
  return unusable ? verdict : (bodyProblem ?? verdict);
}

/** RFC 6376 §3.6.1, flag y: a failure in test mode counts as no signature. */
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
