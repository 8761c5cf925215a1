import { timingSafeEqual } from 'node:crypto';
import type { Answer } from './reply.ts';
import type { AuthExchange, SmtpHostAuth } from './script.ts';

/** Authenticates one of a host's users by PLAIN (RFC 4616) or LOGIN. */
export async function plainOrLogin(auth: SmtpHostAuth, exchange: AuthExchange): Promise<Answer> {
  const credentials = await askCredentials(exchange);
  if (credentials === 'cancelled') return '501 5.7.0 Authentication cancelled';
  if (credentials === 'unknown') return '504 5.5.4 Unrecognized authentication type';
  const password = auth.users?.[credentials.user];
  if (password === undefined || !sameOctets(password, credentials.password)) return 535;
  exchange.session.user = credentials.user;
  return 235;
}

async function askCredentials(
  exchange: AuthExchange,
): Promise<{ user: string; password: string } | 'cancelled' | 'unknown'> {
  if (exchange.mechanism === 'PLAIN') {
    const response = exchange.initial ?? (await exchange.challenge(''));
    if (response === '*') return 'cancelled';
    const [, user = '', password = ''] = response.toString().split('\0');
    return { user, password };
  }
  if (exchange.mechanism !== 'LOGIN') return 'unknown';
  const user = exchange.initial ?? (await exchange.challenge('Username:'));
  if (user === '*') return 'cancelled';
  const password = await exchange.challenge('Password:');
  return password === '*' ? 'cancelled' : { user: user.toString(), password: password.toString() };
}

function sameOctets(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
