import { isDeepStrictEqual } from 'node:util';
import { mutateOctets, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { sealMessage } from '../../src/arc/seal.ts';
import { verifyArc } from '../../src/arc/verify.ts';
import { DkimError } from '../../src/errors.ts';
import { signMessage } from '../../src/sign.ts';
import { verifyMessage } from '../../src/verify.ts';
import { plainMessage, resolveTxt, signWithEd25519, signWithRsa, withFields } from '../fixtures.ts';

const now = () => Date.parse('2026-11-20T10:00:00Z');
const signed = withFields(await signMessage(plainMessage, signWithRsa), plainMessage);
const signedTwice = withFields(
  await signMessage(signed, { ...signWithEd25519, canonicalization: 'simple/simple' }),
  signed,
);
const sealed = await (async () => {
  const outcome = await sealMessage(signed, {
    signature: signWithEd25519,
    authservId: 'mx.example.com',
    results: [{ method: 'dkim', result: 'pass', properties: [] }],
    verification: { resolveTxt },
  });
  expect(outcome.sealed).toBe(true);
  return withFields(outcome.fields, signed);
})();

const words = [
  '\r\n',
  '\r\n ',
  ';',
  '=',
  'v=1;',
  'i=',
  'l=3;',
  'x=1;',
  'c=simple/',
  'h=from:',
  'bh=',
  'cv=pass;',
  'DKIM-Signature: ',
  'ARC-Seal: ',
  '\n',
];

async function* inPieces(octets: Uint8Array, integer: (least: number, most: number) => number) {
  for (let at = 0; at < octets.length; ) {
    const length = integer(1, 200);
    yield octets.subarray(at, at + length);
    at += length;
  }
}

for (const [name, samples, verify] of [
  ['verifyMessage', [signed, signedTwice], verifyMessage],
  ['verifyArc', [sealed], verifyArc],
] as const) {
  it(`MUT-01 MUT-03 ${name} gives a result, and cuts do not matter: ${mutationCount} damaged messages`, {
    timeout: mutationTimeoutMs,
  }, async () => {
    await mutateOctets({
      name,
      samples,
      words,
      async check(octets, { integer }) {
        const options = { resolveTxt, now };
        try {
          const outcome = await verify(octets, options);
          const cut = await verify(inPieces(octets, integer), options);
          if (!isDeepStrictEqual(cut, outcome)) expect(cut).toEqual(outcome);
          return outcome.status === 'pass' ? 'accepted' : 'refused';
        } catch (error) {
          if (!DkimError.isInstance(error)) throw error;
          throw new Error('It threw for a message.', { cause: error });
        }
      },
    });
  });
}
