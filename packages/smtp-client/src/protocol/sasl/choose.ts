import { cramMd5 } from './cram-md5.ts';
import type { Credentials, SaslMechanism } from './mechanism.ts';
import { oauthBearer, xoauth2 } from './oauth.ts';
import { login, plain } from './plain.ts';
import { scram } from './scram.ts';

/** The mechanisms of this package. */
export type SaslMechanismName =
  | 'SCRAM-SHA-256-PLUS'
  | 'SCRAM-SHA-256'
  | 'SCRAM-SHA-1-PLUS'
  | 'SCRAM-SHA-1'
  | 'CRAM-MD5'
  | 'PLAIN'
  | 'LOGIN'
  | 'OAUTHBEARER'
  | 'XOAUTH2';

/** Mechanisms that authenticate both sides without revealing the password; the first choice on every channel. */
const mutual = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'] as const;

/**
 * The names of the mechanisms for credentials, best first.
 *
 * Verified TLS protects the password, so PLAIN, which servers implement best, comes before CRAM-MD5, for which servers
 * must store passwords in clear text. On any other channel CRAM-MD5 reveals less.
 * @param verified  Whether the server's certificate was verified.
 */
export function mechanismsFor(credentials: Credentials, verified: boolean): SaslMechanismName[] {
  if ('accessToken' in credentials) return ['OAUTHBEARER', 'XOAUTH2'];
  return verified ? [...mutual, 'PLAIN', 'LOGIN', 'CRAM-MD5'] : [...mutual, 'CRAM-MD5', 'PLAIN', 'LOGIN'];
}

/** The mechanisms of this package by their names. */
export const saslMechanisms: Readonly<Record<SaslMechanismName, SaslMechanism>> = {
  'SCRAM-SHA-256-PLUS': scram('sha256', true),
  'SCRAM-SHA-256': scram('sha256', false),
  'SCRAM-SHA-1-PLUS': scram('sha1', true),
  'SCRAM-SHA-1': scram('sha1', false),
  'CRAM-MD5': cramMd5,
  PLAIN: plain,
  LOGIN: login,
  OAUTHBEARER: oauthBearer,
  XOAUTH2: xoauth2,
};
