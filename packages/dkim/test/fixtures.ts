import type { ResolveTxt } from '../src/key-lookup.ts';
import { generateKeyPair, type KeyPair } from '../src/key-pair.ts';

/** The keys of a test run, published in {@link zone}. */
export const rsa: KeyPair = await generateKeyPair({ domain: 'example.com', selector: 'rsa' });
export const ed25519: KeyPair = await generateKeyPair({
  domain: 'example.com',
  selector: 'ed',
  algorithm: 'ed25519-sha256',
});

export const zone: Readonly<Record<string, string>> = {
  [rsa.dnsName]: rsa.dnsRecord,
  [ed25519.dnsName]: ed25519.dnsRecord,
};

/** A resolver on fixed records; a value that is an error code is thrown as an error. */
export function resolverOf(records: Readonly<Record<string, string | string[][]>>): ResolveTxt {
  return async (name) => {
    const record = records[name] ?? 'ENOTFOUND';
    if (typeof record !== 'string') return record;
    if (/^E[A-Z]+$/.test(record)) throw Object.assign(new Error(`query TXT ${name}`), { code: record });
    return [[record]];
  };
}

export const resolveTxt: ResolveTxt = resolverOf(zone);

export const signWithRsa = { domain: 'example.com', selector: 'rsa', privateKey: rsa.privateKey } as const;
export const signWithEd25519 = {
  domain: 'example.com',
  selector: 'ed',
  privateKey: ed25519.privateKey,
} as const;

export const canonicalizations = [
  'relaxed/relaxed',
  'relaxed/simple',
  'simple/relaxed',
  'simple/simple',
] as const;

/** Converts text to octets, one octet per character. */
export function octets(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** The message with new fields, as sent. */
export function withFields(fields: string, message: Uint8Array): Buffer {
  return Buffer.concat([octets(fields), message]);
}

/** A message in chunks of this size. */
export async function* inChunks(message: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < message.length; at += size) yield message.subarray(at, at + size);
}

export const plainMessage: Buffer = octets(
  [
    'From: Alice <alice@example.com>',
    'To: Bob <bob@example.org>',
    'Subject: Dinner  on\tFriday',
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    'Message-ID: <1@example.com>',
    'Content-Type: text/plain',
    '',
    'Shall we  meet ?\t',
    '',
    '.hidden',
    '',
    '',
  ].join('\r\n'),
);
