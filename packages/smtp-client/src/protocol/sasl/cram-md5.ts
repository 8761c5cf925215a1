import { toHex } from './hex.ts';
import type { SaslMechanism } from './mechanism.ts';

const encoder = new TextEncoder();

/** CRAM-MD5 (RFC 2195). */
export const cramMd5: SaslMechanism = {
  name: 'CRAM-MD5',
  begin({ credentials, crypto }) {
    if (credentials === undefined || !('password' in credentials)) return undefined;
    const { user, password } = credentials;
    return {
      complete: true,
      start: () => undefined,
      respond: (challenge) =>
        encoder.encode(`${user} ${toHex(crypto.hmac('md5', encoder.encode(password), challenge))}`),
    };
  },
};
