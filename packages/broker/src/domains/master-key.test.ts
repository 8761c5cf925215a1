import { describe, expect, it } from 'vitest';
import { generateMasterKey, parseMasterKeys } from '../encryption/master-key.ts';
import { createMasterKeyVault, createWrappingVault, type KeyName, openKey } from './key-vault.ts';

const name: KeyName = { domain: 'shop.test', selector: 's1', algorithm: 'ed25519-sha256' };
const keys = (...texts: string[]) => parseMasterKeys(texts.join('\n'));

describe('master keys', () => {
  it('DOM-20 a private key is stored encrypted and opens with the key that encrypted it', async () => {
    const vault = createMasterKeyVault(keys(generateMasterKey()));
    const { handle, publicKey } = await vault.create(name);
    expect(JSON.stringify(handle)).not.toContain('PRIVATE');
    expect(handle).toMatchObject({ cipher: 'aes-256-gcm', master: expect.stringMatching(/^[0-9a-f]{8}$/) });
    expect(await openKey(vault, { ...name, handle, publicKey })).toContain('BEGIN PRIVATE KEY');
  });

  it('DOM-133 never encrypts twice with the same nonce', async () => {
    const vault = createMasterKeyVault(keys(generateMasterKey()));
    const handles = await Promise.all(Array.from({ length: 20 }, () => vault.create(name)));
    expect(new Set(handles.map(({ handle }) => (handle as { nonce: string }).nonce)).size).toBe(20);
  });

  it.each(['nonce', 'data', 'tag'])(
    'DOM-21 a private key whose %s was changed does not open',
    async (field) => {
      const vault = createMasterKeyVault(keys(generateMasterKey()));
      const { handle } = await vault.create(name);
      const octets = Buffer.from((handle as Record<string, string>)[field]!, 'base64');
      octets[0]! ^= 1;
      const changed = { ...handle, [field]: octets.toString('base64') };
      await expect(vault.open(changed, name)).rejects.toMatchObject({ code: 'MB_BROKER_MASTER_KEY' });
    },
  );

  it('DOM-21 a short tag is refused', async () => {
    const vault = createMasterKeyVault(keys(generateMasterKey()));
    const { handle } = await vault.create(name);
    const tag = Buffer.from((handle as { tag: string }).tag, 'base64')
      .subarray(0, 4)
      .toString('base64');
    await expect(vault.open({ ...handle, tag }, name)).rejects.toMatchObject({
      code: 'MB_BROKER_MASTER_KEY',
    });
  });

  it.each([
    ['domain', { domain: 'other.test' }],
    ['selector', { selector: 's2' }],
  ])('DOM-21 a private key that was moved to another %s does not open', async (_, other) => {
    const vault = createMasterKeyVault(keys(generateMasterKey()));
    const { handle } = await vault.create(name);
    await expect(vault.open(handle, { ...name, ...other })).rejects.toMatchObject({
      code: 'MB_BROKER_MASTER_KEY',
    });
  });

  it('DOM-22 after a rotation the new master key opens what the old one encrypted', async () => {
    const [old, fresh] = [generateMasterKey(), generateMasterKey()];
    const { handle, publicKey } = await createMasterKeyVault(keys(old)).create(name);
    const both = createMasterKeyVault(keys(fresh, old));
    const renewed = await both.renew!(handle, name);
    expect(await both.renew!(renewed!, name)).toBeUndefined();
    const alone = createMasterKeyVault(keys(fresh));
    expect(await openKey(alone, { ...name, handle: renewed!, publicKey })).toContain('PRIVATE KEY');
    await expect(alone.open(handle, name)).rejects.toMatchObject({
      code: 'MB_BROKER_MASTER_KEY',
      message: expect.stringContaining('not given'),
    });
  });

  it.each([
    ['nothing', ''],
    ['a comment', '# none'],
    ['a short key', Buffer.alloc(31).toString('base64')],
    ['what is no base64', `${'*'.repeat(43)}=`],
    ['a key with a slip', generateMasterKey().replace(/^./, ' ')],
  ])('DOM-23 %s is no master key', (_, text) => {
    expect(() => parseMasterKeys(text)).toThrow(expect.objectContaining({ code: 'MB_BROKER_MASTER_KEY' }));
  });

  it('DOM-134 a master key that is given twice is refused', () => {
    const key = generateMasterKey();
    expect(() => keys(key, key)).toThrow(/twice/);
  });

  it('DOM-135 no error repeats a master key', () => {
    const key = generateMasterKey();
    const slip = key.slice(0, -2);
    for (const given of [() => parseMasterKeys(slip), () => keys(key, key)]) {
      expect(given).toThrow(expect.not.objectContaining({ message: expect.stringContaining(slip) }));
    }
  });

  it('DOM-24 a KMS encrypts in place of a master key, and its key is checked against the record', async () => {
    const wrapped: string[] = [];
    const vault = createWrappingVault({
      wrap: (plain, context) => {
        wrapped.push(context);
        return { kms: Buffer.from(plain).toString('hex') };
      },
      unwrap: (handle) => Buffer.from((handle as { kms: string }).kms, 'hex'),
    });
    const one = await vault.create(name);
    const two = await vault.create(name);
    expect(wrapped[0]).toContain('s1._domainkey.shop.test');
    expect(await openKey(vault, { ...name, ...one })).toContain('PRIVATE KEY');
    await expect(
      openKey(vault, { ...name, handle: one.handle, publicKey: two.publicKey }),
    ).rejects.toMatchObject({
      code: 'MB_BROKER_DOMAIN_KEY',
    });
  });
});
