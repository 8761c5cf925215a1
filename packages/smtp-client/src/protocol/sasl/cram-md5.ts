import { toHex } from './hex.ts';
import type { SaslCrypto, SaslExchange } from './mechanism.ts';

const encoder = new TextEncoder();

/** CRAM-MD5 (RFC 2195). */
export function cramMd5(user: string, password: string, crypto: SaslCrypto): SaslExchange {
  return {
    complete: true,
    start: () => undefined,
    respond: (challenge) =>
      encoder.encode(`${user} ${toHex(crypto.hmac('md5', encoder.encode(password), challenge))}`),
  };
}
