import { formatAuthenticationResults, type MethodResult, methodResult } from '../authentication-results.ts';
import { BodyHashSet } from '../body-hash.ts';
import { arcResult } from '../dkim-results.ts';
import { DkimError } from '../errors.ts';
import { defaultHeaders, refuseUnsignable, selectFields } from '../field-selection.ts';
import { type MessageSource, readBody, splitMessage } from '../message.ts';
import { group, list, matching, type OptionTable, readOptions, required, text } from '../option-table.ts';
import {
  keyAt,
  type PlannedKey,
  planSignature,
  type SignaturePlan,
  type SignOptionKeys,
  type SignOptions,
  signOptions,
} from '../sign-options.ts';
import { TagFieldWriter } from '../signature-field.ts';
import { openField, signatureInput } from '../signature-input.ts';
import { SignedHeader } from '../signed-header.ts';
import { planVerification, type VerifyOptions, type VerifyPlan, verifyOptions } from '../verify-options.ts';
import { maxInstances, readChain } from './chain.ts';
import { type ArcOutcome, finishChain, sealedFields, startChain } from './verify.ts';

/** What a sealer adds, and how it verifies the chain. */
export interface SealOptions {
  /**
   * Key, domain, canonicalisation and fields, as for a DKIM signature. ARC does not allow identity, bodyLength,
   * expiresAfterSeconds, queryMethod, copyHeaders and selfCheck.
   */
  readonly signature: SignOptions;
  /** The authserv-id of the host that evaluated the message (RFC 8601 §2.5). */
  readonly authservId: string;
  /** Results of SPF, DKIM and DMARC; the result of ARC is added. */
  readonly results: readonly MethodResult[];
  /** How to verify the chain, if the message has not changed since it arrived. */
  readonly verification?: VerifyOptions | undefined;
  /**
   * The result of {@link verifyArc} on arrival, for programs that change a message before sealing, such as mailing
   * lists.
   */
  readonly chain?: ArcOutcome | undefined;
}

/** What {@link SealOptions} accepts. */
export const sealOptions = {
  signature: required(group<SignOptionKeys>(signOptions)),
  authservId: required(text('the name of the host that evaluated the message')),
  results: required(list(group<MethodResult>(methodResult))),
  verification: group<VerifyOptions>(verifyOptions),
  chain: matching<ArcOutcome>(
    'a result of verifyArc',
    (value) => typeof value === 'object' && value !== null && 'oldestPass' in value && 'sets' in value,
  ),
} satisfies OptionTable<CheckedSeal>;

type CheckedSeal = Omit<SealOptions, 'signature'> & { readonly signature: SignOptionKeys };

/** The outcome of sealing. */
export interface SealOutcome {
  /** Whether `fields` has a new set. */
  readonly sealed: boolean;
  /**
   * ARC-Seal, ARC-Message-Signature and ARC-Authentication-Results to prepend to the message, each with CRLF; empty when
   * not sealed.
   */
  readonly fields: string;
  /** Instance of the new set, or of the newest when not sealed. */
  readonly instance: number;
  /** The chain of the received message. */
  readonly chain: ArcOutcome;
}

/**
 * Verifies the chain of a message, and makes the next ARC set.
 *
 * A failed chain gets one set with cv=fail and no further sets. Nothing is added after 50 sets, or when DNS fails
 * (`chain.status` is `temperror`: try again later).
 *
 * RFC 8617 §5.1.
 *
 * @param message  The message as it will be sent, without the new fields.
 * @throws {DkimError} As {@link createSigner} and its `sign`, and MB_DKIM_AUTHRES_SYNTAX.
 * @example
 * const { fields } = await sealMessage(message, {
 *   signature: { domain: 'example.org', selector: 'arc', privateKey: pem },
 *   authservId: 'mx.example.org', results: dkimResults(outcome), verification: { resolveTxt } });
 */
export async function sealMessage(message: MessageSource, given: SealOptions): Promise<SealOutcome> {
  const {
    authservId,
    results: found,
    ...options
  } = readOptions(given as CheckedSeal, sealOptions, 'sealMessage: options');
  const plan = planSeal(options.signature as SignOptions);
  const verification = planChain(options);
  const split = await splitMessage(message, {
    bareCr: 'line-end',
    maxHeaderBytes: verification.maxHeaderBytes,
    signal: verification.signal,
  });
  const header = new SignedHeader(split.header);
  refuseUnsignable(header.fields);
  const received = new BodyHashSet('octet');
  const passedOn = new BodyHashSet('line-end');
  const check = options.chain === undefined ? startChain(header, verification, received) : undefined;
  const body = passedOn.need(plan.body);
  await readBody(split, verification.signal, (chunk) => {
    received.write(chunk);
    passedOn.write(chunk);
  });
  await received.settle();
  await passedOn.settle();
  const chain = check
    ? await finishChain(header, check, verification)
    : requireChainOf(header, options.chain!);
  if (chain.status === 'temperror' || chain.reason === 'failed-before' || chain.instance >= maxInstances) {
    return { sealed: false, fields: '', instance: chain.instance, chain };
  }
  const nowMs = plan.now();
  const seconds = Math.floor(nowMs / 1000);
  const set: NewSet = { plan, key: keyAt(plan, nowMs), seconds, instance: chain.instance + 1, header };
  const content = { authservId, results: [...found, arcResult(chain)] };
  // RFC 8617 §4.1.1.
  const results = formatAuthenticationResults(content, `ARC-Authentication-Results: i=${set.instance};`);
  const messageSignature = await signNewMessage(set, body.digest().digest);
  const seal = await sealNewSet(set, chain, results, messageSignature);
  return { sealed: true, fields: seal + messageSignature + results, instance: set.instance, chain };
}

/** The options for reading; with `chain` there is nothing to look up. */
function planChain({ verification, chain }: Pick<SealOptions, 'verification' | 'chain'>): VerifyPlan {
  if ((verification === undefined) === (chain === undefined)) {
    throw new DkimError(
      'MB_DKIM_OPTION',
      'Give either verification, or chain, the result of verifyArc on arrival.',
    );
  }
  return planVerification(
    verification ?? { resolveTxt: async () => [] },
    'sealMessage: options.verification',
  );
}

function requireChainOf(header: SignedHeader, chain: ArcOutcome): ArcOutcome {
  if (readChain(header).highest === chain.instance) return chain;
  throw new DkimError('MB_DKIM_OPTION', 'chain is not from this message: its newest instance differs.');
}

/** What the three new fields have in common. */
interface NewSet {
  readonly plan: SignaturePlan;
  readonly key: PlannedKey;
  readonly seconds: number;
  readonly instance: number;
  readonly header: SignedHeader;
}

const notInArc = [
  'identity',
  'bodyLength',
  'expiresAfterSeconds',
  'queryMethod',
  'copyHeaders',
  'selfCheck',
] as const;

function planSeal(signature: SignOptions): SignaturePlan {
  for (const name of notInArc) {
    if (signature[name] !== undefined)
      throw new DkimError('MB_DKIM_OPTION', `${name} is not allowed in an ARC set.`);
  }
  // RFC 8617 §4.1.2: DKIM-Signature fields should be signed, ARC-Seal fields must not be.
  const headers = signature.headers ?? [...defaultHeaders, 'dkim-signature'];
  const plan = planSignature({ ...signature, headers }, 'sealMessage: options.signature');
  if (plan.headers.includes('arc-seal')) {
    throw new DkimError('MB_DKIM_OPTION', 'An ARC message signature must not cover ARC-Seal fields.');
  }
  return plan;
}

/** Makes the ARC-Message-Signature (RFC 8617 §4.1.2). */
async function signNewMessage(
  { plan, key, seconds, instance, header }: NewSet,
  bodyHash: Buffer,
): Promise<string> {
  const selection = selectFields(header.byName, plan.headers, plan.oversign);
  const writer = new TagFieldWriter('ARC-Message-Signature')
    .tag('i', instance)
    .tag('a', key.algorithm)
    .tag('c', plan.canonicalization)
    .tag('d', plan.domain)
    .tag('s', key.selector);
  if (plan.timestamp) writer.tag('t', seconds);
  writer.listTag('h', selection.names, ':').tag('bh', bodyHash.toString('base64'));
  const covered = selection.fields.map((field) => ({ octets: header.octets, field }));
  return writer.close(
    await key.sign(signatureInput(covered, openField(writer.openSignature()), plan.header)),
  );
}

/** Makes the ARC-Seal (RFC 8617 §4.1.3, §5.1.1); §5.1.2: the seal of a failed chain covers only its own set. */
async function sealNewSet(
  { plan, key, seconds, instance, header }: NewSet,
  chain: ArcOutcome,
  results: string,
  messageSignature: string,
): Promise<string> {
  const writer = new TagFieldWriter('ARC-Seal').tag('i', instance).tag('a', key.algorithm);
  if (plan.timestamp) writer.tag('t', seconds);
  writer.tag('cv', chain.status).tag('d', plan.domain).tag('s', key.selector);
  const earlier = chain.status === 'pass' ? sealedFields(header.octets, readChain(header).sets) : [];
  const covered = [...earlier, openField(results), openField(messageSignature)];
  return writer.close(await key.sign(signatureInput(covered, openField(writer.openSignature()), 'relaxed')));
}
