import { createPrivateKey, createSecretKey, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ed25519, octets, plainMessage, resolveTxt, rsa, withFields } from '../test/fixtures.ts';
import { DkimError } from './errors.ts';
import { loadSigningKey, type PrivateKeyInput } from './keys.ts';
import { createSigner, signMessage } from './sign.ts';
import { verifyMessage } from './verify.ts';

const rsaKey = createPrivateKey(rsa.privateKey);
const edKey = createPrivateKey(ed25519.privateKey);
const encrypted = { cipher: 'aes-256-cbc', passphrase: 'open sesame' } as const;

function codeOf(input: PrivateKeyInput, passphrase?: string): string {
  try {
    loadSigningKey(input, passphrase);
    return 'accepted';
  } catch (error) {
    if (!DkimError.isInstance(error)) throw error;
    return error.code;
  }
}

describe('private keys', () => {
  const forms: [string, 'rsa' | 'ed', PrivateKeyInput, string?][] = [
    ['PKCS #8 PEM', 'rsa', rsa.privateKey],
    ['PKCS #8 PEM', 'ed', ed25519.privateKey],
    ['PKCS #1 PEM', 'rsa', rsaKey.export({ type: 'pkcs1', format: 'pem' }) as string],
    ['PEM as octets', 'rsa', octets(rsa.privateKey)],
    ['PKCS #8 DER', 'rsa', rsaKey.export({ type: 'pkcs8', format: 'der' })],
    ['PKCS #8 DER', 'ed', edKey.export({ type: 'pkcs8', format: 'der' })],
    ['PKCS #1 DER', 'rsa', rsaKey.export({ type: 'pkcs1', format: 'der' })],
    ['raw seed', 'ed', edKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32)],
    [
      'encrypted PKCS #8',
      'rsa',
      rsaKey.export({ type: 'pkcs8', format: 'pem', ...encrypted }) as string,
      'open sesame',
    ],
    [
      'encrypted PKCS #8',
      'ed',
      edKey.export({ type: 'pkcs8', format: 'pem', ...encrypted }) as string,
      'open sesame',
    ],
    [
      'encrypted PKCS #1',
      'rsa',
      rsaKey.export({ type: 'pkcs1', format: 'pem', ...encrypted }) as string,
      'open sesame',
    ],
    ['KeyObject', 'rsa', rsaKey],
    ['KeyObject', 'ed', edKey],
    ['callback', 'rsa', { algorithm: 'rsa-sha256', sign: async (data) => sign('sha256', data, rsaKey) }],
    [
      'callback',
      'ed',
      { algorithm: 'ed25519-sha256', publicKey: ed25519.publicKey, sign: (data) => sign(null, data, edKey) },
    ],
  ];

  it.each(forms)(
    'DKIM-33 accepts a key as %s (%s), and the algorithm follows the key',
    async (_, selector, privateKey, passphrase) => {
      const field = await signMessage(plainMessage, {
        domain: 'example.com',
        selector,
        privateKey,
        ...(passphrase !== undefined && { passphrase }),
      });
      expect(field).toContain(selector === 'rsa' ? 'a=rsa-sha256' : 'a=ed25519-sha256');
      expect((await verifyMessage(withFields(field, plainMessage), { resolveTxt })).status).toBe('pass');
    },
  );

  it('DKIM-34 refuses a key that cannot sign, with a code that says why', () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
    const pem = rsa.privateKey;
    const cases: [PrivateKeyInput, string, string?][] = [
      [rsa.publicKey, 'MB_DKIM_KEY_PUBLIC'],
      [generateKeyPairSync('ed25519').publicKey, 'MB_DKIM_KEY_PUBLIC'],
      ['-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n', 'MB_DKIM_KEY_PUBLIC'],
      [createSecretKey(Buffer.alloc(32)), 'MB_DKIM_KEY_TYPE'],
      [ec.privateKey, 'MB_DKIM_KEY_TYPE'],
      [ec.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 'MB_DKIM_KEY_TYPE'],
      [pss.privateKey, 'MB_DKIM_KEY_TYPE'],
      ['', 'MB_DKIM_KEY_INVALID'],
      ['garbage', 'MB_DKIM_KEY_INVALID'],
      [pem.replace(/[A-Za-z0-9+/]{64}\n/, ''), 'MB_DKIM_KEY_INVALID'],
      [pem.replaceAll('\n', '\\n'), 'MB_DKIM_KEY_INVALID'],
      [pem.replaceAll('PRIVATE', 'OPENSSH PRIVATE'), 'MB_DKIM_KEY_INVALID'],
      [Buffer.alloc(33, 0x30), 'MB_DKIM_KEY_INVALID'],
      [rsaKey.export({ type: 'pkcs8', format: 'pem', ...encrypted }) as string, 'MB_DKIM_KEY_PASSPHRASE'],
      [
        rsaKey.export({ type: 'pkcs8', format: 'pem', ...encrypted }) as string,
        'MB_DKIM_KEY_PASSPHRASE',
        'wrong',
      ],
      [undefined as never, 'MB_DKIM_OPTION'],
      [{ algorithm: 'rsa-sha1' as never, sign: () => new Uint8Array() }, 'MB_DKIM_OPTION'],
    ];
    for (const [input, code, passphrase] of cases) expect(codeOf(input, passphrase)).toBe(code);
  });

  it('DKIM-35 refuses it when the signer is made, before there is a message', () => {
    expect(() => createSigner({ domain: 'example.com', selector: 's', privateKey: rsa.publicKey })).toThrow(
      DkimError,
    );
  });

  it('DKIM-36 never gives a message away unsigned when the callback fails', async () => {
    const failing: [string, () => unknown][] = [
      ['throws', () => Promise.reject(new Error('the token is locked'))],
      ['gives nothing', () => undefined],
      ['gives a string', () => 'signature'],
      ['gives too little', () => new Uint8Array(10)],
      ['signs with another key', () => sign('sha256', Buffer.from('other'), rsaKey)],
    ];
    for (const [, give] of failing) {
      const privateKey = { algorithm: 'rsa-sha256' as const, publicKey: rsa.publicKey, sign: give as never };
      await expect(
        signMessage(plainMessage, { domain: 'example.com', selector: 'rsa', privateKey }),
      ).rejects.toMatchObject({
        code: 'MB_DKIM_KEY_CALLBACK',
      });
    }
    const mismatch = {
      algorithm: 'ed25519-sha256' as const,
      publicKey: rsa.publicKey,
      sign: () => new Uint8Array(64),
    };
    expect(codeOf(mismatch)).toBe('MB_DKIM_KEY_TYPE');
  });

  it('DKIM-86 waits for a key that is held elsewhere until the signal fires', async () => {
    const given: unknown[] = [];
    const privateKey = {
      algorithm: 'rsa-sha256' as const,
      publicKey: rsa.publicKey,
      sign: (...call: unknown[]) => {
        given.push(call[1]);
        return new Promise<never>(() => {});
      },
    };
    const signer = createSigner({ domain: 'example.com', selector: 'rsa', privateKey });
    const abort = new AbortController();
    const signed = signer.sign(plainMessage, { signal: abort.signal });
    await expect.poll(() => given).toEqual([{ signal: abort.signal }]);
    abort.abort(new Error('enough'));
    await expect(signed).rejects.toMatchObject({ code: 'MB_DKIM_ABORTED', kind: 'aborted' });
  });

  it('DKIM-11 DKIM-37 refuses RSA keys under 1024 bits and warns under 2048', () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const short = generateKeyPairSync('rsa', { modulusLength: 768 }).privateKey;
    expect(codeOf(short)).toBe('MB_DKIM_KEY_TOO_SHORT');
    const emitted: string[] = [];
    const { emitWarning } = process;
    process.emitWarning = ((message: string) => emitted.push(message)) as never;
    try {
      const signer = createSigner({ domain: 'example.com', selector: 's', privateKey: weak });
      expect(signer.warnings.map((one) => one.code)).toEqual(['MB_DKIM_KEY_WEAK']);
      createSigner({ domain: 'example.com', selector: 's', privateKey: weak });
      expect(emitted).toEqual([signer.warnings[0]!.message]);
      expect(createSigner({ domain: 'example.com', selector: 'rsa', privateKey: rsaKey }).warnings).toEqual(
        [],
      );
    } finally {
      process.emitWarning = emitWarning;
    }
  });

  it('keeps key material out of its errors', () => {
    const secret = rsa.privateKey.split('\n')[3]!;
    try {
      loadSigningKey(rsa.privateKey.replace(/[A-Za-z0-9+/]{64}\n/, ''));
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error) + String(error) + String((error as Error).cause)).not.toContain(secret);
    }
  });
});
