import { SmtpError } from '../../errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { SaslContext, SaslCrypto, SaslExchange, SaslHash, SaslMechanism } from './mechanism.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** RFC 7677 §4 requires at least 4,096; the maximum protects the client from a server that asks for endless work. */
const leastIterations = 4096;
const mostIterations = 1_000_000;

/**
 * SCRAM (RFC 5802) with SHA-1 or SHA-256 (RFC 7677), with or without channel binding. The server must prove that it knows
 * the password too.
 */
export function scram(hash: 'sha1' | 'sha256', plus: boolean): SaslMechanism {
  const base = hash === 'sha1' ? 'SCRAM-SHA-1' : 'SCRAM-SHA-256';
  return {
    name: plus ? `${base}-PLUS` : base,
    begin({ credentials, channel, offered, crypto }) {
      if (credentials === undefined || !('password' in credentials)) return undefined;
      const { binding } = channel;
      if (plus && binding === undefined) return undefined;
      const bound = plus
        ? { header: `p=${binding!.type},,`, data: binding!.data }
        : { header: bindingFlag(channel, offered.includes(`${base}-PLUS`)), data: new Uint8Array(0) };
      return beginScram(hash, credentials, bound, crypto);
    },
  };
}

/** RFC 5802 §6: `y` shows a server that its offer of channel binding was removed by an attacker. */
function bindingFlag({ binding }: SaslContext['channel'], plusOffered: boolean): string {
  return binding === undefined || plusOffered ? 'n,,' : 'y,,';
}

function beginScram(
  hash: SaslHash,
  { user, password }: { readonly user: string; readonly password: string },
  binding: { readonly header: string; readonly data: Uint8Array },
  crypto: SaslCrypto,
): SaslExchange {
  // RFC 5802 §5.1: `=` and `,` in the name are escaped. NFKC does what RFC 4013 does for characters that users type.
  const name = user.normalize('NFKC').replaceAll('=', '=3D').replaceAll(',', '=2C');
  const nonce = encodeBase64(crypto.randomBytes(24));
  const firstBare = `n=${name},r=${nonce}`;
  let expectedSignature: string | undefined;
  let complete = false;

  async function clientFinal(serverFirst: string): Promise<Uint8Array> {
    const { r, s, i, m } = attributes(serverFirst);
    const salt = s === undefined ? undefined : decodeBase64(s);
    const iterations = Number(i);
    // RFC 5802 §5.1: an unknown mandatory extension ends the exchange.
    if (m !== undefined) throw broken('extension');
    if (!r?.startsWith(nonce) || r.length === nonce.length || !salt?.length || !/^\d{1,9}$/.test(i ?? ''))
      throw broken('challenge');
    if (iterations < leastIterations || iterations > mostIterations) throw broken('iteration count');
    const salted = await crypto.pbkdf2(hash, encoder.encode(password.normalize('NFKC')), salt, iterations);
    const clientKey = crypto.hmac(hash, salted, encoder.encode('Client Key'));
    // RFC 5802 §7: cbind-input is the gs2-header and the data of the channel.
    const bindingInput = new Uint8Array([...encoder.encode(binding.header), ...binding.data]);
    const withoutProof = `c=${encodeBase64(bindingInput)},r=${r}`;
    const message = encoder.encode(`${firstBare},${serverFirst},${withoutProof}`);
    const signature = crypto.hmac(hash, crypto.hash(hash, clientKey), message);
    const proof = clientKey.map((octet, index) => octet ^ signature[index]!);
    const serverKey = crypto.hmac(hash, salted, encoder.encode('Server Key'));
    expectedSignature = encodeBase64(crypto.hmac(hash, serverKey, message));
    return encoder.encode(`${withoutProof},p=${encodeBase64(proof)}`);
  }

  return {
    get complete() {
      return complete;
    },
    start: () => encoder.encode(`${binding.header}${firstBare}`),
    respond(challenge) {
      const text = decodeText(challenge);
      if (expectedSignature === undefined) return clientFinal(text);
      const { v, e } = attributes(text);
      // RFC 5802 §7: an error of the server; the response is empty, and a 535 follows.
      if (e !== undefined && v === undefined) return new Uint8Array(0);
      // RFC 5802 §9: only a server that knows the password can make this signature.
      if (v !== expectedSignature) throw broken('signature');
      complete = true;
      return new Uint8Array(0);
    },
  };
}

function attributes(text: string): Record<string, string | undefined> {
  const found: Record<string, string> = Object.create(null);
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
  return unproven(`The server's SCRAM ${what} is not acceptable`);
}

/** The error when the server does not prove that it knows the password. */
export function unproven(what: string): SmtpError {
  return new SmtpError(`${what}; it may not be the server it claims to be.`, {
    code: 'MB_SMTP_AUTH_SERVER_UNPROVEN',
    kind: 'peer-misbehaved',
    scope: 'host',
    stage: 'auth',
    retryable: false,
  });
}
