import { generateKeyPairSync } from 'node:crypto';
import { mutateOctets, mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { DkimError } from '../../src/errors.ts';
import { loadSigningKey, type PrivateKeyInput } from '../../src/keys.ts';
import { ed25519, rsa } from '../fixtures.ts';

const timeout = mutationTimeoutMs;
const { privateKey } = generateKeyPairSync('ed25519');

/** A key that is taken, or a typed error that repeats nothing of it. */
function load(key: PrivateKeyInput, secret: string): 'accepted' | 'refused' {
  try {
    expect(loadSigningKey(key).algorithm).toMatch(/^(rsa|ed25519)-sha256$/);
    return 'accepted';
  } catch (error) {
    if (!DkimError.isInstance(error)) throw error;
    expect(error.code).toMatch(/^MB_DKIM_KEY_/);
    expect(`${error.message}${String(error.cause)}`).not.toContain(secret);
    return 'refused';
  }
}

it(`MUT-01 loadSigningKey takes a key in PEM or says what is wrong: ${mutationCount} damaged keys`, {
  timeout,
}, async () => {
  const pem = ed25519.privateKey;
  const body = pem.split('\n')[1]!.slice(0, 20);
  await mutateText({
    name: 'loadSigningKey PEM',
    samples: [pem, pem, rsa.privateKey],
    words: ['-----BEGIN ', 'PRIVATE KEY-----', 'PUBLIC', 'ENCRYPTED ', '\n', '\\n', 'RSA ', '=', 'OPENSSH '],
    check: (text) => load(text, body),
  });
});

it(`MUT-01 loadSigningKey takes a key in DER or says what is wrong: ${mutationCount} damaged keys`, {
  timeout,
}, async () => {
  await mutateOctets({
    name: 'loadSigningKey DER',
    samples: [new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' }))],
    words: ['\x30', '\x02\x01\0', '\x04\x22', '\x30\x80', '\x06\x03\x2b\x65\x70', '\0\0'],
    check: (octets) => load(octets, 'no text of it'),
  });
});
