import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { SaslCrypto } from '../protocol/sasl/mechanism.ts';

const derive = promisify(pbkdf2);
const octets = { md5: 16, sha1: 20, sha256: 32 } as const;

/** Cryptography for SASL mechanisms, from Node. */
export const nodeSaslCrypto: SaslCrypto = {
  randomBytes: (length) => randomBytes(length),
  hmac: (hash, key, data) => createHmac(hash, key).update(data).digest(),
  hash: (hash, data) => createHash(hash).update(data).digest(),
  pbkdf2: (hash, password, salt, iterations) => derive(password, salt, iterations, octets[hash], hash),
};
