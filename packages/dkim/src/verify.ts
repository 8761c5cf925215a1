import { BodyHashSet } from './body-hash.ts';
import { DkimError } from './errors.ts';
import { KeyFinder } from './key-finder.ts';
import { type MessageSource, type SplitMessage, splitMessage } from './message.ts';
import { finishCheck, type SignatureResult, startCheck } from './signature-result.ts';
import { SignedHeader } from './signed-header.ts';
import type { Verdict, VerifyReason, VerifyStatus } from './verdict.ts';
import { planVerification, type VerifyOptions, type VerifyPlan } from './verify-options.ts';

/** The result of a message: the best of its signatures, and the result of each. */
export interface VerifyOutcome extends Verdict {
  /** One result per DKIM-Signature field, from the top of the header. */
  readonly signatures: readonly SignatureResult[];
  /** The value of each From field, not unfolded, for DMARC alignment by the caller. */
  readonly from: readonly string[];
}

/**
 * Verifies all DKIM signatures of a message.
 *
 * Problems of the message, its signatures and its keys are results, not exceptions. A bare LF counts as a line end, so that
 * messages from a mail store verify; a bare CR is an ordinary octet.
 *
 * RFC 6376 §6, RFC 8601 §2.7.1.
 *
 * @param message  The whole message as received, as octets.
 * @param options  See {@link VerifyOptions}.
 * @throws {DkimError} MB_DKIM_OPTION, MB_DKIM_MESSAGE_TYPE, MB_DKIM_ABORTED; errors of the message stream.
 * @example
 * import { resolveTxt } from 'node:dns/promises';
 * const { status, signatures } = await verifyMessage(message, { resolveTxt });
 */
export async function verifyMessage(message: MessageSource, options: VerifyOptions): Promise<VerifyOutcome> {
  const plan = planVerification(options, 'verifyMessage: options');
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

/** Reads the header; returns a verdict if it is too long. */
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

function notTried(plan: VerifyPlan): SignatureResult {
  const detail = `Only the first ${plan.maxSignatures} signatures are verified.`;
  return { status: 'policy', reason: 'too-many-signatures', detail, signedHeaders: [], unsignedHeaders: [] };
}

const preference: readonly VerifyStatus[] = ['pass', 'temperror', 'neutral', 'policy', 'fail', 'permerror'];

/** RFC 6376 §6.1: one signature that verifies is enough; a failed signature counts as none. */
function summary(signatures: readonly SignatureResult[]): Verdict {
  for (const status of preference) {
    const best = signatures.find((one) => one.status === status);
    if (best) return { status, reason: best.reason, detail: best.detail };
  }
  const reason: VerifyReason = 'not-signed';
  return { status: 'none', reason, detail: 'The message has no DKIM signature.' };
}
