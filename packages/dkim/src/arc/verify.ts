import { BodyHashSet } from '../body-hash.ts';
import { KeyFinder } from '../key-finder.ts';
import type { KeyLookup } from '../key-lookup.ts';
import type { MessageSource } from '../message.ts';
import { parseSignature, type SignatureParse } from '../signature.ts';
import { checkSignature } from '../signature-check.ts';
import { type FieldOctets, signatureInput, withoutSignature } from '../signature-input.ts';
import { finishCheck, type PendingCheck, type SignatureResult, startCheck } from '../signature-result.ts';
import { SignedHeader } from '../signed-header.ts';
import type { Verdict } from '../verdict.ts';
import { splitForVerification } from '../verify.ts';
import { planVerification, type VerifyOptions, type VerifyPlan } from '../verify-options.ts';
import { type ArcChain, type ArcSet, readChain, tagsOf } from './chain.ts';

/** Chain status of RFC 8617 §5.2; `temperror` if DNS failed, so that a later attempt may succeed. */
export type ArcStatus = 'none' | 'pass' | 'fail' | 'temperror';

/** Why a chain got its status. */
export type ArcReason =
  | 'no-chain'
  | 'chain-valid'
  /** fail: sets are missing, duplicate or too many, or a cv= is wrong. */
  | 'structure'
  /** fail: the newest seal says cv=fail. */
  | 'failed-before'
  /** fail: the newest message signature does not verify; its verdict says why. */
  | 'message-signature'
  /** fail: a seal does not verify; its verdict says why. */
  | 'seal'
  | 'key-lookup'
  | 'header-too-large';

/** The result of an ARC set. */
export interface ArcSetResult {
  readonly instance: number;
  /** `d=` of the seal: the domain that handled the message. */
  readonly domain: string | undefined;
  readonly selector: string | undefined;
  readonly chainValidation: string;
  readonly seal: Verdict;
  /** Undefined for an older signature with `l=`, which is not evaluated. */
  readonly message: SignatureResult | undefined;
  /** The ARC-Authentication-Results after its `i=`, for {@link parseAuthenticationResults}. */
  readonly authenticationResults: string;
}

/** The result of an ARC chain. */
export interface ArcOutcome {
  readonly status: ArcStatus;
  readonly reason: ArcReason;
  readonly detail: string;
  /** Instance of the newest set; 0 without a chain. */
  readonly instance: number;
  /**
   * RFC 8617 §5.2, step 5: the lowest instance from which on all message signatures verify; 0 if all do. It has a meaning
   * only with `pass`.
   */
  readonly oldestPass: number;
  /** One result per set, in order; empty if the structure is invalid. */
  readonly sets: readonly ArcSetResult[];
}

/**
 * Verifies the ARC chain of a message.
 *
 * RFC 8617 §5.2.
 *
 * @param message  The whole message as received, as octets.
 * @param options  See {@link VerifyOptions}; `maxSignatures` does not apply, a chain has at most 50 sets.
 * @throws {DkimError} MB_DKIM_OPTION, MB_DKIM_MESSAGE_TYPE, MB_DKIM_ABORTED; errors of the message stream.
 * @example const { status, sets } = await verifyArc(message, { resolveTxt });
 */
export async function verifyArc(message: MessageSource, options: VerifyOptions): Promise<ArcOutcome> {
  const plan = planVerification(options, 'verifyArc: options');
  const split = await splitForVerification(message, plan);
  if ('status' in split) return unread('fail', 'header-too-large', split.detail);
  const header = new SignedHeader(split.header);
  const bodies = new BodyHashSet('octet');
  const check = startChain(header, plan, bodies);
  await bodies.read(split, plan.signal);
  return finishChain(header, check, plan);
}

/** A set whose keys and body hash are pending. */
interface PendingSet {
  readonly set: ArcSet;
  readonly message: PendingCheck | undefined;
  readonly seal: SignatureParse;
  readonly sealKeys: Promise<KeyLookup> | undefined;
}

/** A chain between {@link startChain} and {@link finishChain}, while the body is read. */
export interface PendingChain {
  readonly chain: ArcChain;
  readonly pending: readonly PendingSet[];
}

/** Reads the structure of a chain, and starts the key lookups unless the chain has failed already. */
export function startChain(header: SignedHeader, plan: VerifyPlan, bodies: BodyHashSet): PendingChain {
  const chain = readChain(header);
  const newest = chain.sets.at(-1);
  if (chain.problem !== undefined || newest === undefined || newest.chainValidation === 'fail') {
    return { chain, pending: [] };
  }
  const context = { plan, bodies, keys: new KeyFinder(plan) };
  const pending = chain.sets.map((set): PendingSet => {
    // Only the newest set may have l=: otherwise a message could require fifty body hashes.
    const evaluated = set === newest || !tagsOf(header, set.message)?.has('l');
    const seal = parseSignature(header.value(set.seal), 'arc-seal');
    return {
      set,
      message: evaluated ? startCheck(header, set.message, 'arc-message', context) : undefined,
      seal,
      sealKeys: seal.signature && context.keys.find(seal.signature),
    };
  });
  return { chain, pending };
}

/** Evaluates the chain after the body was read. */
export async function finishChain(
  header: SignedHeader,
  { chain, pending }: PendingChain,
  plan: VerifyPlan,
): Promise<ArcOutcome> {
  const instance = chain.highest;
  if (chain.problem !== undefined) return unread('fail', 'structure', chain.problem, instance);
  if (chain.sets.length === 0) return unread('none', 'no-chain', 'The message has no ARC set.');
  if (pending.length === 0) {
    return unread(
      'fail',
      'failed-before',
      'The newest seal says that the chain had failed before (cv=fail).',
      instance,
    );
  }
  const sets = await Promise.all(pending.map((one) => finishSet(header, chain.sets, one, plan)));
  let failing = 0;
  for (const one of sets) if (one.message?.status !== 'pass') failing = one.instance;
  const oldestPass = failing === 0 ? 0 : failing + 1;
  return { ...judge(sets), instance, oldestPass, sets };
}

async function finishSet(
  header: SignedHeader,
  sets: readonly ArcSet[],
  { set, message, seal, sealKeys }: PendingSet,
  plan: VerifyPlan,
): Promise<ArcSetResult> {
  const value = header.value(set.results);
  return {
    instance: set.instance,
    domain: seal.signature?.domain,
    selector: seal.signature?.selector,
    chainValidation: set.chainValidation,
    seal: await checkSeal(header, sets.slice(0, set.instance), seal, sealKeys, plan),
    message: message && (await finishMessage(header, message, plan)),
    authenticationResults: value.slice(value.indexOf(';') + 1).trim(),
  };
}

async function finishMessage(
  header: SignedHeader,
  check: PendingCheck,
  plan: VerifyPlan,
): Promise<SignatureResult> {
  const result = await finishCheck(header, check, plan);
  // RFC 8617 §4.1.2: a message signature MUST NOT cover seals.
  if (!result.signedHeaders.includes('arc-seal')) return result;
  return {
    ...result,
    status: 'permerror',
    reason: 'tag-value',
    detail: 'The h= of the message signature lists ARC-Seal.',
  };
}

async function checkSeal(
  header: SignedHeader,
  sets: readonly ArcSet[],
  { signature, problem, tags }: SignatureParse,
  keys: Promise<KeyLookup> | undefined,
  plan: VerifyPlan,
): Promise<Verdict> {
  if (signature === undefined || keys === undefined) return problem!;
  // RFC 8617 §4.1.3: a seal has no h=.
  if (tags.has('h')) return { status: 'permerror', reason: 'tag-value', detail: 'The seal has an h= tag.' };
  const own = sets.at(-1)!;
  const octets = header.octets;
  const data = signatureInput(
    sealedFields(octets, sets).slice(0, -1),
    withoutSignature({ octets, field: own.seal }),
    'relaxed',
  );
  const { published, ...verdict } = await checkSignature(signature, data, await keys, {
    nowMs: plan.now(),
    minRsaBits: plan.minRsaBits,
  });
  return verdict;
}

/** The fields that a seal covers, in the order of RFC 8617 §5.1.1: results, message signature and seal of each set. */
export function sealedFields(octets: Uint8Array, sets: readonly ArcSet[]): FieldOctets[] {
  return sets.flatMap((set) => [set.results, set.message, set.seal].map((field) => ({ octets, field })));
}

/** RFC 8617 §5.2, steps 4 and 6: the newest message signature and every seal must verify. */
function judge(sets: readonly ArcSetResult[]): Pick<ArcOutcome, 'status' | 'reason' | 'detail'> {
  const newest = sets.at(-1)!.message!;
  const checks: { verdict: Verdict; reason: ArcReason; what: string }[] = [
    { verdict: newest, reason: 'message-signature', what: 'The newest message signature' },
    ...sets
      .map(({ instance, seal }) => ({ verdict: seal, reason: 'seal' as const, what: `Seal ${instance}` }))
      .reverse(),
  ];
  const failed = checks.find(({ verdict }) => verdict.status !== 'pass' && verdict.status !== 'temperror');
  if (failed) {
    return {
      status: 'fail',
      reason: failed.reason,
      detail: `${failed.what} does not verify: ${failed.verdict.detail}`,
    };
  }
  const unknown = checks.find(({ verdict }) => verdict.status === 'temperror');
  if (unknown)
    return {
      status: 'temperror',
      reason: 'key-lookup',
      detail: `${unknown.what}: ${unknown.verdict.detail}`,
    };
  return { status: 'pass', reason: 'chain-valid', detail: 'The chain is valid.' };
}

function unread(status: ArcStatus, reason: ArcReason, detail: string, instance = 0): ArcOutcome {
  return { status, reason, detail, instance, oldestPass: 0, sets: [] };
}
