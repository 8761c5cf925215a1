/** Signing and verifying with mailauth. It is a peer in the rows, and verifies the signatures of all contenders. */
import type { Readable } from 'node:stream';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import type { PublishedKey } from './key.ts';

/** The signature field, with its CRLF; empty when mailauth could not sign. */
export async function signWithMailauth(
  message: Buffer | Readable,
  { domain, selector, pem }: Pick<PublishedKey, 'domain' | 'selector' | 'pem'>,
): Promise<string> {
  const signature = { signingDomain: domain, selector, privateKey: pem };
  // QUIRK(mailauth): its types ask for a key at the top level, its code looks only into signatureData.
  return (await dkimSign(message, { ...signature, signatureData: [signature] })).signatures;
}

/** Verdict on the first signature of a message. */
export async function verifyWithMailauth(message: Buffer, { record }: PublishedKey): Promise<string> {
  const { results } = await dkimVerify(message, { resolver: async () => [[record]] });
  return results[0]?.status.result ?? 'no signature';
}
