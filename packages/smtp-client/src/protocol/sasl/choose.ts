import { cramMd5 } from './cram-md5.ts';
import type { Credentials, SaslCrypto, SaslExchange } from './mechanism.ts';
import { oauthBearer, xoauth2 } from './oauth.ts';
import { login, plain } from './plain.ts';
import { scramSha256 } from './scram.ts';

/** The mechanisms that this package can do. */
export type SaslMechanism = 'SCRAM-SHA-256' | 'CRAM-MD5' | 'PLAIN' | 'LOGIN' | 'OAUTHBEARER' | 'XOAUTH2';

/** Mechanisms for the kind of credentials, strongest first: what proves most and tells least comes first. */
export function mechanismsFor(credentials: Credentials): SaslMechanism[] {
  return 'accessToken' in credentials
    ? ['OAUTHBEARER', 'XOAUTH2']
    : ['SCRAM-SHA-256', 'CRAM-MD5', 'PLAIN', 'LOGIN'];
}

/** Begins a run of `mechanism`. */
export function beginSasl(
  mechanism: SaslMechanism,
  credentials: Credentials,
  server: { readonly host: string; readonly port: number },
  crypto: SaslCrypto,
): SaslExchange {
  const { user } = credentials;
  if ('accessToken' in credentials) {
    return mechanism === 'XOAUTH2'
      ? xoauth2(user, credentials.accessToken)
      : oauthBearer(user, credentials.accessToken, server.host, server.port);
  }
  const { password } = credentials;
  switch (mechanism) {
    case 'SCRAM-SHA-256':
      return scramSha256(user, password, crypto);
    case 'CRAM-MD5':
      return cramMd5(user, password, crypto);
    case 'LOGIN':
      return login(user, password);
    default:
      return plain(user, password);
  }
}
