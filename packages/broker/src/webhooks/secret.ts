import { createHmac, randomBytes } from 'node:crypto';
import { optionError } from '../errors.ts';

/** A secret of an endpoint. */
export interface WebhookSecret {
  /** `whsec_` and the octets in base64. */
  readonly secret: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Until when calls are signed with it, in epoch milliseconds. Absent: until it is rotated. */
  readonly expiresAt?: number;
}

// Standard Webhooks 1.0.0, "Signature scheme": a secret has 24 to 64 octets.
const leastOctets = 24;
const mostOctets = 64;

/** A new secret of 256 random bits. */
export function createSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** Checks a secret that is given. @throws {BrokerError} MB_BROKER_OPTION */
export function checkSecret(secret: string, where: string): string {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  if (base64 === undefined || base64.length % 4 !== 0) {
    throw optionError(`${where} must be "whsec_" and octets in base64.`);
  }
  const { length } = Buffer.from(base64, 'base64');
  if (length >= leastOctets && length <= mostOctets) return secret;
  throw optionError(
    `${where} must have ${leastOctets} to ${mostOctets} octets, not ${length}; leave it out to get a new one.`,
  );
}

/**
 * The value of `webhook-signature` (Standard Webhooks 1.0.0, "Signature scheme"): one signature for each secret that is
 * valid at the time of the attempt.
 *
 * @param timestamp  Epoch seconds, as in `webhook-timestamp`.
 */
export function signatureOf(
  secrets: readonly WebhookSecret[],
  id: string,
  timestamp: number,
  body: string,
): string {
  return secrets
    .filter(({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt > timestamp * 1000)
    .map(({ secret }) => {
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
    })
    .join(' ');
}
