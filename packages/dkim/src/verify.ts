import { type BodyHash, BodyHashSet } from './body-hash.ts';
import { DkimError } from './errors.ts';
import { fieldsByName } from './field-selection.ts';
import { type HeaderField, scanHeader } from './header-scan.ts';
import { KeyFinder } from './key-finder.ts';
import type { KeyLookup } from './key-lookup.ts';
import { type DkimAlgorithm, keyBits } from './keys.ts';
import { type MessageSource, type SplitMessage, splitMessage } from './message.ts';
import type { CanonicalizationPair } from './sign-options.ts';
import { parseSignature, type Signature, type SignatureKind, type SignatureParse } from './signature.ts';
import { checkBody, checkSignature, expiry, type KeyedVerdict } from './signature-check.ts';
import { signatureInput, withoutSignature } from './signature-input.ts';
import type { Verdict, VerifyReason, VerifyStatus } from './verdict.ts';
import { planVerification, type VerifyOptions, type VerifyPlan } from './verify-options.ts';

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

/** What became of a message: the best of its signatures, and each of them. */
export interface VerifyOutcome extends Verdict {
  /** One result a DKIM-Signature field, from the top of the header. */
  readonly signatures: readonly SignatureResult[];
  /** The value of each From field as it stands, folds and all, for DMARC alignment by the caller. */
  readonly from: readonly string[];
}

/** Verifies all DKIM signatures of a message.
 *
 *  What is wrong with the message, its signatures or its keys is a result, never an exception. A bare LF counts
 *  as a line end, so that messages from a mail store verify; a bare CR is an octet like any other.
 *
 *  @param message  The whole message as it was received, as octets.
 *  @param options  See {@link VerifyOptions}.
 *  @throws {DkimError} MB_DKIM_OPTION, MB_DKIM_MESSAGE_TYPE, MB_DKIM_ABORTED; what the message stream throws.
 *  @example
 *  import { resolveTxt } from 'node:dns/promises';
 *  const { status, signatures } = await verifyMessage(message, { resolveTxt });
 *
 *  RFC 6376 §6, RFC 8601 §2.7.1.
 */
export async function verifyMessage(message: MessageSource, options: VerifyOptions): Promise<VerifyOutcome> {
  const plan = planVerification(options);
  const split = await splitForVerification(message, plan);
  if ('status' in split) return { ...split, signatures: [], from: [] };
  const header = new SignedHeader(split.header);
  const bodies = new BodyHashSet('octet');
  const keys = new KeyFinder(plan);
  const own = header.fields.filter((field) => field.name === 'dkim-signature');
  const pending = own
    .slice(0, plan.maxSignatures)
    .map((field) => startCheck(header, field, 'dkim', { plan, bodies, keys }));
  await bodies.read(split, plan.signal);
  const signatures = await Promise.all(pending.map((one) => finishCheck(header, one, plan)));
  for (let left = own.length - signatures.length; left > 0; left--) signatures.push(notTried(plan));
  const from = (header.byName.get('from') ?? []).map((field) => header.value(field));
  return { ...summary(signatures), signatures, from };
}

/** Reads the header; one that is too long is a verdict. */
export async function splitForVerification(
  message: MessageSource,
  plan: VerifyPlan,
): Promise<SplitMessage | Verdict> {
  try {
    return await splitMessage(message, {
      bareCr: 'octet',
      maxHeaderBytes: plan.maxHeaderBytes,
      signal: plan.signal,
    });
  } catch (error) {
    if (!DkimError.isInstance(error) || error.code !== 'MB_DKIM_HEADER_TOO_LARGE') throw error;
    return { status: 'permerror', reason: 'header-too-large', detail: error.message };
  }
}

/** A header block with its fields, and which of them a list in `h=` means. */
export class SignedHeader {
  readonly octets: Uint8Array;
  readonly fields: readonly HeaderField[];
  readonly byName: ReadonlyMap<string, readonly HeaderField[]>;

  constructor(octets: Uint8Array) {
    this.octets = octets;
    this.fields = scanHeader(octets);
    this.byName = fieldsByName(this.fields);
  }

  /** The value of a field as text: octets are UTF-8, as RFC 6532 has it. */
  value(field: HeaderField): string {
    const { buffer, byteOffset, byteLength } = this.octets;
    return Buffer.from(buffer, byteOffset, byteLength).toString('utf8', field.colon + 1, field.end);
  }

  /** RFC 6376 §5.4.2: each mention of a name takes the next occurrence from the bottom; never the signature itself. */
  select(names: readonly string[], own: HeaderField): Set<HeaderField> {
    const taken = new Map<string, number>();
    const selected = new Set<HeaderField>();
    for (const name of names) {
      const group = this.byName.get(name);
      if (group === undefined) continue;
      let at = taken.get(name) ?? group.length - 1;
      if (group[at] === own) at--;
      if (at >= 0) selected.add(group[at]!);
      taken.set(name, at - 1);
    }
    return selected;
  }
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
  const { published, ...verdict } = checkSignature(signature, data, lookup, policy);
  const { totalBytes } = body.digest();
  return {
    ...facts,
    ...inTesting(withBody(verdict, checkBody(signature, body)), published),
    body: { signedBytes: Math.min(signature.bodyLength ?? totalBytes, totalBytes), totalBytes },
    ...(published && { keyBits: keyBits(published.key), testing: published.record.testing }),
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

function notTried(plan: VerifyPlan): SignatureResult {
  const detail = `Only the first ${plan.maxSignatures} signatures are tried.`;
  return { status: 'policy', reason: 'too-many-signatures', detail, signedHeaders: [], unsignedHeaders: [] };
}

const preference: readonly VerifyStatus[] = ['pass', 'temperror', 'neutral', 'policy', 'fail', 'permerror'];

/** RFC 6376 §6.1: one signature that verifies is enough; a failed one counts as none. */
function summary(signatures: readonly SignatureResult[]): Verdict {
  for (const status of preference) {
    const best = signatures.find((one) => one.status === status);
    if (best) return { status, reason: best.reason, detail: best.detail };
  }
  const reason: VerifyReason = 'not-signed';
  return { status: 'none', reason, detail: 'The message has no DKIM signature.' };
}
