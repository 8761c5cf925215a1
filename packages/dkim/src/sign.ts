import process from 'node:process';
import { type BodyHash, BodyHashSet } from './body-hash.ts';
import { DkimError, optionError } from './errors.ts';
import { fieldsByName, refuseUnsignable, selectFields } from './field-selection.ts';
import { type HeaderField, scanHeader } from './header-scan.ts';
import { type MessageSource, splitMessage } from './message.ts';
import { integer, type OptionTable, readOptions, signal } from './option-table.ts';
import {
  keyAt,
  type PlannedKey,
  planSignature,
  type SignaturePlan,
  type SignOptions,
} from './sign-options.ts';
import { encodeDkimQuotedPrintable, TagFieldWriter } from './signature-field.ts';
import { openField, signatureInput } from './signature-input.ts';

/** Options of a call of `sign`. */
export interface SignCallOptions {
  /** Aborts reading the message, and waiting for a key held elsewhere. */
  readonly signal?: AbortSignal | undefined;
  /** Maximum size of the header in octets. Default 1 MiB. */
  readonly maxHeaderBytes?: number | undefined;
}

/** What {@link SignCallOptions} accepts. */
export const signCallOptions = {
  signal: signal(),
  maxHeaderBytes: integer(1, 2 ** 30, { default: 1 << 20, unit: 'octets' }),
} satisfies OptionTable<SignCallOptions>;

/** A warning about a key that works but should be changed. */
export interface DkimWarning {
  readonly code: 'MB_DKIM_KEY_WEAK';
  readonly message: string;
}

/** Signs messages with parsed keys. */
export interface DkimSigner {
  /** Warnings about the keys; each is also emitted once as a process warning. */
  readonly warnings: readonly DkimWarning[];
  /** Returns the DKIM-Signature fields to prepend to the message, each with CRLF. */
  sign(message: MessageSource, options?: SignCallOptions): Promise<string>;
}

/** RFC 8301 §3.2: signers SHOULD use RSA keys of at least 2048 bits. */
const recommendedRsaBits = 2048;

/**
 * Makes a signer for many messages, which checks options and parses keys once.
 *
 * With several options, every message gets one signature for each, in their order; the body is read once. A bare CR or LF
 * in a message is hashed as CRLF, so send it as CRLF.
 *
 * RFC 6376 §5, RFC 8301, RFC 8463.
 *
 * @param options  One signature, or several. See {@link SignOptions}.
 * @throws {DkimError} MB_DKIM_OPTION; MB_DKIM_KEY_INVALID, MB_DKIM_KEY_PASSPHRASE, MB_DKIM_KEY_PUBLIC,
 *   MB_DKIM_KEY_TYPE, MB_DKIM_KEY_TOO_SHORT for a key that cannot sign. `sign` rejects with
 *   MB_DKIM_HEADER_SYNTAX, MB_DKIM_HEADER_TOO_LARGE, MB_DKIM_FROM_MISSING, MB_DKIM_BODY_TOO_SHORT,
 *   MB_DKIM_MESSAGE_TYPE, MB_DKIM_KEY_WINDOW, MB_DKIM_KEY_CALLBACK, MB_DKIM_ABORTED; with `selfCheck` also
 *   MB_DKIM_SELF_CHECK_MISMATCH and MB_DKIM_SELF_CHECK_DNS.
 * @example
 * const signer = createSigner({ domain: 'example.com', selector: '2026', privateKey: pem });
 * const fields = await signer.sign(message);
 */
export function createSigner(options: SignOptions | readonly SignOptions[]): DkimSigner {
  return makeSigner(options, 'createSigner: options');
}

function makeSigner(options: SignOptions | readonly SignOptions[], where: string): DkimSigner {
  const plans = Array.isArray(options)
    ? (options as readonly SignOptions[]).map((one, index) => planSignature(one, `${where}[${index}]`))
    : [planSignature(options as SignOptions, where)];
  if (plans.length === 0) {
    throw optionError(`${where} must have at least one signature, not an empty list.`);
  }
  const warnings = plans.flatMap(weakKeyWarnings);
  warnings.forEach(emitOnce);
  return { warnings, sign: (message, callOptions) => signPlanned(message, plans, callOptions) };
}

/**
 * Signs a message. For several messages use {@link createSigner}, which parses the key only once.
 *
 * RFC 6376 §5.
 *
 * @param message  The whole message, header and body, as octets.
 * @param options  One signature, or several.
 * @returns The DKIM-Signature fields, each with CRLF; {@link prependFields} adds them to the message.
 * @throws {DkimError} As {@link createSigner} and its `sign`.
 * @example
 * const field = await signMessage(message, { domain: 'example.com', selector: '2026', privateKey: pem });
 * const signed = prependFields(field, message);
 */
export async function signMessage(
  message: MessageSource,
  options: SignOptions | readonly SignOptions[],
  callOptions?: SignCallOptions,
): Promise<string> {
  return makeSigner(options, 'signMessage: options').sign(message, callOptions);
}

/** A signature in progress. */
interface PendingSignature {
  readonly plan: SignaturePlan;
  readonly key: PlannedKey;
  readonly nowMs: number;
  readonly body: BodyHash;
}

async function signPlanned(
  message: MessageSource,
  plans: readonly SignaturePlan[],
  options: SignCallOptions | undefined,
): Promise<string> {
  const { maxHeaderBytes, signal } = readOptions(options, signCallOptions, 'sign: options');
  // RFC 6376 §5.3: sign the message as it will be sent, with CRLF at the end of every line.
  const split = await splitMessage(message, { bareCr: 'line-end', maxHeaderBytes, signal });
  const fields = scanHeader(split.header);
  refuseUnsignable(fields);
  const bodies = new BodyHashSet('line-end');
  const pending = plans.map((plan): PendingSignature => {
    const nowMs = plan.now();
    const limit = typeof plan.bodyLength === 'number' ? plan.bodyLength : undefined;
    return { plan, key: keyAt(plan, nowMs), nowMs, body: bodies.need(plan.body, limit) };
  });
  await bodies.read(split, signal);
  const groups = fieldsByName(fields);
  const signed = pending.map((one) => signOne(one, split.header, fields, groups, signal));
  return signed.length === 1 ? signed[0]! : (await Promise.all(signed)).join('');
}

async function signOne(
  { plan, key, nowMs, body }: PendingSignature,
  header: Uint8Array,
  fields: readonly HeaderField[],
  groups: ReadonlyMap<string, readonly HeaderField[]>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { digest, totalBytes } = body.digest();
  const selection = selectFields(groups, plan.headers, plan.oversign);
  const writer = new TagFieldWriter('DKIM-Signature')
    .tag('v', 1)
    .tag('a', key.algorithm)
    .tag('c', plan.canonicalization)
    .tag('d', plan.domain)
    .tag('s', key.selector);
  if (plan.identity !== undefined) writer.tag('i', plan.identity);
  if (plan.queryMethod !== undefined) writer.tag('q', plan.queryMethod);
  const seconds = Math.floor(nowMs / 1000);
  if (plan.timestamp) writer.tag('t', seconds);
  if (plan.expiresAfterSeconds !== undefined) writer.tag('x', seconds + plan.expiresAfterSeconds);
  if (plan.bodyLength !== undefined) writer.tag('l', signedLength(plan.bodyLength, totalBytes));
  const copies = copyFields(plan.copyHeaders, header, fields);
  if (copies.length > 0) writer.copiesTag('z', copies);
  writer.listTag('h', selection.names, ':').tag('bh', digest.toString('base64'));
  const covered = selection.fields.map((field) => ({ octets: header, field }));
  const data = signatureInput(covered, openField(writer.openSignature()), plan.header);
  // Only a key held elsewhere is asynchronous.
  const signature = key.sign(data, signal);
  const field = writer.close(signature instanceof Uint8Array ? signature : await signature);
  if (plan.selfCheck) await plan.selfCheck.confirm(field, header, digest, nowMs);
  return field;
}

function signedLength(wanted: number | 'whole', totalBytes: number): number {
  if (wanted === 'whole') return totalBytes;
  if (wanted <= totalBytes) return wanted;
  // RFC 6376 §3.5: l= must not be larger than the canonical body.
  throw new DkimError(
    'MB_DKIM_BODY_TOO_SHORT',
    `bodyLength is ${wanted}, but the canonical body has only ${totalBytes} octets.`,
  );
}

/** RFC 6376 §3.5, tag z=: `name:value` of each field, with its octets encoded. */
function copyFields(names: readonly string[], header: Uint8Array, fields: readonly HeaderField[]): string[] {
  if (names.length === 0) return [];
  return fields
    .filter((field) => names.includes(field.name))
    .map((field) => {
      const value = header.subarray(field.colon + 1, field.end);
      return `${field.name}:${encodeDkimQuotedPrintable(value, '|')}`;
    });
}

/** Emitted warnings: a program that makes a signer for every message is warned once. */
const emitted = new Set<string>();
const rememberedWarnings = 1000;

function emitOnce({ code, message }: DkimWarning): void {
  if (emitted.has(message) || emitted.size >= rememberedWarnings) return;
  emitted.add(message);
  process.emitWarning(message, { type: 'DkimWarning', code });
}

function weakKeyWarnings(plan: SignaturePlan): DkimWarning[] {
  return plan.keys
    .filter(
      ({ algorithm, bits }) => algorithm === 'rsa-sha256' && bits !== undefined && bits < recommendedRsaBits,
    )
    .map(({ selector, bits }) => ({
      code: 'MB_DKIM_KEY_WEAK',
      message: `The RSA key ${selector}._domainkey.${plan.domain} has ${bits} bits; use at least ${recommendedRsaBits}.`,
    }));
}
