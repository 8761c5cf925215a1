import type { SaslMechanism } from './mechanism.ts';

const encoder = new TextEncoder();

/** PLAIN (RFC 4616). */
export const plain: SaslMechanism = {
  name: 'PLAIN',
  begin({ credentials }) {
    if (credentials === undefined || !('password' in credentials)) return undefined;
    const { user, password } = credentials;
    return {
      complete: true,
      start: () => encoder.encode(`\0${user}\0${password}`),
      respond: () => new Uint8Array(0),
    };
  },
};

/**
 * LOGIN (draft-murchison-sasl-login). The text of the prompts is ignored: the first gets the user, the second the
 * password.
 */
export const login: SaslMechanism = {
  name: 'LOGIN',
  begin({ credentials }) {
    if (credentials === undefined || !('password' in credentials)) return undefined;
    const answers = [credentials.user, credentials.password];
    return {
      complete: true,
      start: () => undefined,
      respond: () => encoder.encode(answers.shift() ?? ''),
    };
  },
};
