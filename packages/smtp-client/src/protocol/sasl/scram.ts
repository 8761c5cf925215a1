import { SmtpError } from '../../errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { SaslCrypto, SaslExchange } from './mechanism.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** RFC 7677 §4 asks for at least 4,096; far more is a way to keep the client busy. */
const leastIterations = 4096;
const mostIterations = 1_000_000;

/** SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding; the server must prove that it knows the password too. */
export function scramSha256(user: string, password: string, crypto: SaslCrypto): SaslExchange {
  // RFC 5802 §5.1: `=` and `,` in the name; RFC 4013 normalisation is that of NFKC for what users type.
  const name = user.normalize('NFKC').replaceAll('=', '=3D').replaceAll(',', '=2C');
  const nonce = encodeBase64(crypto.randomBytes(24));
  const firstBare = `n=${name},r=${nonce}`;
  let expectedSignature: string | undefined;
  let complete = false;

  async function clientFinal(serverFirst: string): Promise<Uint8Array> {
    const { r, s, i } = attributes(serverFirst);
    const salt = s === undefined ? undefined : decodeBase64(s);
    const iterations = Number(i);
    if (!r?.startsWith(nonce) || r.length === nonce.length || !salt || !/^\d{1,9}$/.test(i ?? ''))
      throw broken('challenge');
    if (iterations < leastIterations || iterations > mostIterations) throw broken('iteration count');
    const salted = await crypto.pbkdf2Sha256(
      encoder.encode(password.normalize('NFKC')),
      salt,
      iterations,
      32,
    );
    const clientKey = crypto.hmac('sha256', salted, encoder.encode('Client Key'));
    const withoutProof = `c=${encodeBase64(encoder.encode('n,,'))},r=${r}`;
    const message = encoder.encode(`${firstBare},${serverFirst},${withoutProof}`);
    const signature = crypto.hmac('sha256', crypto.sha256(clientKey), message);
    const proof = clientKey.map((octet, index) => octet ^ signature[index]!);
    const serverKey = crypto.hmac('sha256', salted, encoder.encode('Server Key'));
    expectedSignature = encodeBase64(crypto.hmac('sha256', serverKey, message));
    return encoder.encode(`${withoutProof},p=${encodeBase64(proof)}`);
  }

  return {
    get complete() {
      return complete;
    },
    start: () => encoder.encode(`n,,${firstBare}`),
    respond(challenge) {
      const text = decodeText(challenge);
      if (expectedSignature === undefined) return clientFinal(text);
      // RFC 5802 §9: only a server that knows the password can make this signature.
      if (attributes(text).v !== expectedSignature) throw broken('signature');
      complete = true;
      return new Uint8Array(0);
    },
  };
}

function attributes(text: string): Record<string, string | undefined> {
  const found: Record<string, string> = {};
  for (const part of text.split(',')) if (part[1] === '=') found[part[0]!] ??= part.slice(2);
  return found;
}

function decodeText(octets: Uint8Array): string {
  try {
    return decoder.decode(octets);
  } catch {
    throw broken('challenge');
  }
}

function broken(what: string): SmtpError {
  return new SmtpError(
    `The server's SCRAM ${what} is not acceptable; it may not be the server it claims to be.`,
    {
      code: 'MB_SMTP_AUTH_SERVER_UNPROVEN',
      kind: 'peer-misbehaved',
      scope: 'host',
      stage: 'auth',
      retryable: false,
    },
  );
}
