import type { ArcOutcome } from './arc/verify.ts';
import type { MethodResult, ResultProperty } from './authentication-results.ts';
import { optionError } from './errors.ts';
import type { SignatureResult } from './signature-result.ts';
import type { VerifyOutcome } from './verify.ts';

/**
 * The `dkim=` results of a message, for an Authentication-Results field.
 *
 * Text from the message is left out if it is not allowed in a field, or longer than an address can be.
 *
 * RFC 8601 §2.7.1; `header.b` RFC 6008; `header.a` and `header.s` RFC 8601 §2.7.1.
 *
 * @example formatAuthenticationResults({ authservId: 'mx.example.org', results: dkimResults(outcome) })
 */
export function dkimResults(outcome: VerifyOutcome): MethodResult[] {
  if (!Array.isArray(outcome?.signatures))
    throw optionError('dkimResults: outcome must be a result of verifyMessage.');
  if (outcome.signatures.length > 0) return outcome.signatures.map(signatureResult);
  const { status, reason } = outcome;
  return [{ method: 'dkim', result: status, ...(status !== 'none' && { reason }), properties: [] }];
}

/** The `arc=` result of a message (RFC 8617 §10.2), for an Authentication-Results field. */
export function arcResult(outcome: ArcOutcome): MethodResult {
  if (typeof outcome?.status !== 'string')
    throw optionError('arcResult: outcome must be a result of verifyArc.');
  const oldest = { type: 'header', name: 'oldest-pass', value: String(outcome.oldestPass) };
  return {
    method: 'arc',
    result: outcome.status,
    ...(outcome.status !== 'pass' && outcome.status !== 'none' && { reason: outcome.reason }),
    properties: outcome.status === 'pass' ? [oldest] : [],
  };
}

function signatureResult(one: SignatureResult): MethodResult {
  const comments = [
    one.keyBits !== undefined && `${one.keyBits}-bit key`,
    one.testing && 'test mode',
    one.body &&
      one.body.signedBytes < one.body.totalBytes &&
      `${one.body.signedBytes} of ${one.body.totalBytes} octets`,
  ].filter((comment) => typeof comment === 'string');
  return {
    method: 'dkim',
    result: one.status,
    ...(one.status !== 'pass' && { reason: one.reason }),
    ...(comments.length > 0 && { comment: comments.join(', ') }),
    properties: [
      ...property('d', one.domain),
      ...property('i', one.identity),
      ...property('s', one.selector),
      ...property('a', one.algorithm),
      ...property('b', one.signaturePrefix),
    ],
  };
}

/** A local part of 64 and a domain of 255 octets, with an @ (RFC 5321 §4.5.3.1). */
const maxValueLength = 320;

function property(name: string, value: string | undefined): ResultProperty[] {
  // A value from the message that is not plain text must not get into a header. One that is longer than any address
  // would make a line too long (RFC 5322 §2.1.1).
  if (value === undefined || value.length > maxValueLength || !/^[\x21-\x7e]+$/.test(value)) return [];
  return [{ type: 'header', name, value }];
}
