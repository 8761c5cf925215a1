import type { SaslExchange } from './mechanism.ts';

const encoder = new TextEncoder();

/** PLAIN (RFC 4616). */
export function plain(user: string, password: string): SaslExchange {
  return {
    complete: true,
    start: () => encoder.encode(`\0${user}\0${password}`),
    respond: () => new Uint8Array(0),
  };
}

/** LOGIN (draft-murchison-sasl-login): the prompts are not looked at, only counted. */
export function login(user: string, password: string): SaslExchange {
  const answers = [user, password];
  return {
    complete: true,
    start: () => undefined,
    respond: () => encoder.encode(answers.shift() ?? ''),
  };
}
