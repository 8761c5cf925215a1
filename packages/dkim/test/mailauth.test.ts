import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { signMessage } from '../src/sign.ts';
import { verifyMessage } from '../src/verify.ts';
import {
  canonicalizations,
  ed25519,
  plainMessage,
  resolveTxt,
  rsa,
  signWithEd25519,
  signWithRsa,
  withFields,
} from './fixtures.ts';

/** mailauth's own types leave these two out. */
interface Mailauth {
  dkimVerify(
    message: Buffer,
    options: { resolver: (name: string) => Promise<string[][]> },
  ): Promise<{ results: { status: { result: string } }[] }>;
  dkimSign(message: Buffer, options: object): Promise<{ signatures: string; errors: unknown[] }>;
}

const require = createRequire(import.meta.url);
const { dkimVerify } = require('mailauth/lib/dkim/verify.js') as Mailauth;
const { dkimSign } = require('mailauth/lib/dkim/sign.js') as Mailauth;

describe('mailauth', () => {
  it.each(canonicalizations)('DKIM-10 verifies what we sign, %s', async (canonicalization) => {
    const fields = await signMessage(plainMessage, [
      { ...signWithRsa, canonicalization },
      { ...signWithEd25519, canonicalization },
    ]);
    const { results } = await dkimVerify(withFields(fields, plainMessage), { resolver: resolveTxt });
    expect(results.map((one) => one.status.result)).toEqual(['pass', 'pass']);
  });

  it('DKIM-27 verifies a signature whose copied header fields are folded', async () => {
    const to = Array.from({ length: 60 }, (_, index) => `<user${index}@example.net>`).join(',\r\n ');
    const message = Buffer.from(`From: a@example.com\r\nTo: ${to}\r\n\r\nx\r\n`);
    const fields = await signMessage(message, { ...signWithRsa, copyHeaders: ['to'] });
    const { results } = await dkimVerify(withFields(fields, message), { resolver: resolveTxt });
    expect(results.map((one) => one.status.result)).toEqual(['pass']);
  });

  it.each(canonicalizations)('DKIM-20 is verified by us, %s', async (canonicalization) => {
    const { signatures, errors } = await dkimSign(plainMessage, {
      canonicalization,
      signatureData: [
        { signingDomain: 'example.com', selector: 'rsa', privateKey: rsa.privateKey },
        { signingDomain: 'example.com', selector: 'ed', privateKey: ed25519.privateKey },
      ],
    });
    expect(errors).toEqual([]);
    const outcome = await verifyMessage(withFields(signatures, plainMessage), { resolveTxt });
    expect(outcome.signatures.map((one) => one.status)).toEqual(['pass', 'pass']);
  });
});
