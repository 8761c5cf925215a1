import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { SaslCrypto } from '../protocol/sasl/mechanism.ts';

const derive = promisify(pbkdf2);

/** The mechanisms' cryptography by Node. */
export const nodeSaslCrypto: SaslCrypto = {
  randomBytes: (length) => randomBytes(length),
  hmac: (hash, key, data) => createHmac(hash, key).update(data).digest(),
  sha256: (data) => createHash('sha256').update(data).digest(),
  pbkdf2Sha256: (password, salt, iterations, length) => derive(password, salt, iterations, length, 'sha256'),
};
