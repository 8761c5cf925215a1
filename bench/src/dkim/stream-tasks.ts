/**
 * Tasks of the streaming row: sign a message of one huge attachment whose octets pass by once.
 * Each task loads its signer itself, so that none pays for another's code.
 */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { Readable } from 'node:stream';

const HEADER = Buffer.from('From: shop@example.com\r\nTo: jane@example.org\r\nSubject: A film\r\n\r\n');
const CHUNK = Buffer.from(
  `${'QmFzZTY0IGluIGxpbmVzIG9mIHNldmVudHktc2l4IGNoYXJhY3RlcnMsIGFzIHVzdWFsLiAg'.padEnd(76, 'A')}\r\n`.repeat(
    840,
  ),
);

function* message(bytes: number): Generator<Buffer> {
  yield HEADER;
  for (let left = bytes; left > 0; left -= CHUNK.length) yield CHUNK;
}

function key(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    format: 'pem',
    type: 'pkcs8',
  }) as string;
}

/** The floor: read the stream and hash it. */
export async function readAndHash(bytes: number): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of Readable.from(message(bytes))) digest.update(chunk as Buffer);
  key();
  return digest.digest('base64');
}

export async function ours(bytes: number): Promise<string> {
  const { signMessage } = await import('@mb/dkim');
  return signMessage(Readable.from(message(bytes)), {
    domain: 'example.com',
    selector: 'bench',
    privateKey: key(),
  });
}

export async function mailauth(bytes: number): Promise<string> {
  const { signWithMailauth } = await import('./mailauth.ts');
  return signWithMailauth(Readable.from(message(bytes)), {
    domain: 'example.com',
    selector: 'bench',
    pem: key(),
  });
}

/** Its signer gives the whole message back; the signature is its first field. */
export async function nodemailer(bytes: number): Promise<string> {
  const { default: Dkim } = await import('nodemailer/lib/dkim');
  const signer = new Dkim({ domainName: 'example.com', keySelector: 'bench', privateKey: key() });
  let first: string | undefined;
  for await (const chunk of signer.sign(Readable.from(message(bytes)))) {
    first ??= (chunk as Buffer).toString('latin1');
  }
  return first ?? '';
}
