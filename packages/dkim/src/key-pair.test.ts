import { describe, expect, it } from 'vitest';
import { ed25519, plainMessage, resolverOf, rsa, withFields } from '../test/fixtures.ts';
import { generateKeyPair } from './key-pair.ts';
import { checkPublishedKey } from './published-key.ts';
import { signMessage } from './sign.ts';
import { verifyMessage } from './verify.ts';

describe('key generation', () => {
  it('DKIM-17 gives the private key and its record', async () => {
    const pair = await generateKeyPair({ domain: 'münchen.example', selector: '2026', modulusLength: 1024 });
    expect(pair.privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(pair.publicKey).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    expect(pair.dnsName).toBe('2026._domainkey.xn--mnchen-3ya.example');
    expect(pair.dnsRecord).toMatch(/^v=DKIM1; k=rsa; p=[A-Za-z0-9+/]+=*$/);
    expect(ed25519.dnsRecord).toMatch(/^v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=$/);
  });

  it('DKIM-68 gives the record in strings of at most 255 octets', async () => {
    const pair = await generateKeyPair({ domain: 'example.com', selector: '2026', modulusLength: 4096 });
    expect(pair.dnsStrings.length).toBe(3);
    for (const part of pair.dnsStrings) expect(part.length).toBeLessThanOrEqual(255);
    expect(pair.dnsStrings.join('')).toBe(pair.dnsRecord);
    expect(pair.zoneLine).toBe(
      `${pair.dnsName}. IN TXT ${pair.dnsStrings.map((part) => `"${part}"`).join(' ')}`,
    );
  });

  it('DKIM-17 makes keys that sign and records that verify, split as DNS splits them', async () => {
    for (const algorithm of ['rsa-sha256', 'ed25519-sha256'] as const) {
      const pair = await generateKeyPair({ domain: 'example.com', selector: 'new', algorithm });
      const options = { domain: 'example.com', selector: 'new', privateKey: pair.privateKey };
      const signed = withFields(await signMessage(plainMessage, options), plainMessage);
      const resolveTxt = resolverOf({ [pair.dnsName]: [[...pair.dnsStrings]] });
      expect((await verifyMessage(signed, { resolveTxt })).status).toBe('pass');
    }
  });

  it('refuses sizes and algorithms that do not exist', async () => {
    const wanted = { domain: 'example.com', selector: 's' };
    for (const change of [
      { modulusLength: 1000 },
      { modulusLength: 1e6 },
      { algorithm: 'rsa-sha1' },
      { algorithm: 'ed25519-sha256', modulusLength: 2048 },
      { bits: 2048 },
      { domain: 'a b' },
    ]) {
      await expect(generateKeyPair({ ...wanted, ...change } as never)).rejects.toMatchObject({
        code: 'MB_DKIM_OPTION',
      });
    }
  });
});

describe('the check of a published record', () => {
  const check = (record: string | string[][], privateKey?: string) =>
    checkPublishedKey({
      domain: 'example.com',
      selector: 'rsa',
      resolveTxt: resolverOf({ [rsa.dnsName]: record }),
      ...(privateKey !== undefined && { privateKey }),
    });

  it('DKIM-46 tells whether a record belongs to a private key', async () => {
    expect(await check(rsa.dnsRecord, rsa.privateKey)).toMatchObject({
      status: 'match',
      keyBits: 2048,
      warnings: [],
    });
    expect(await check(rsa.dnsRecord)).toMatchObject({ status: 'match' });
    expect(await check(ed25519.dnsRecord, rsa.privateKey)).toMatchObject({
      status: 'mismatch',
      expectedRecord: rsa.dnsRecord,
    });
    expect(
      await check([['v=spf1 -all'], [ed25519.dnsRecord], [rsa.dnsRecord]], rsa.privateKey),
    ).toMatchObject({ status: 'match' });
  });

  it('DKIM-46 tells a missing, revoked or broken record and a silent DNS apart', async () => {
    expect((await check('ENOTFOUND', rsa.privateKey)).status).toBe('missing');
    expect((await check('ENODATA')).status).toBe('missing');
    expect((await check('v=DKIM1; p=')).status).toBe('revoked');
    expect((await check('v=DKIM1; p=AAAA')).status).toBe('invalid');
    expect((await check('ESERVFAIL')).status).toBe('unknown');
  });

  it('warns of what works and should not stay', async () => {
    const tags = rsa.dnsRecord.slice('v=DKIM1; '.length);
    const { warnings } = await check(
      [[`v=DKIM1; t=y:s; h=sha1; s=other; ${tags}`], [ed25519.dnsRecord]],
      rsa.privateKey,
    );
    for (const word of ['several', 't=y', 'sha256', 's=', 't=s']) expect(warnings.join('\n')).toContain(word);
  });
});
