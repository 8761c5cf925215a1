import { generateKeyPair } from '@mb/dkim';
import { createMemoryResolver } from '@mb/dns/memory';
import { expect, it, vi } from 'vitest';
import { systemClock } from '../clock.ts';
import { createKeyring, type KeyCheck } from './keyring.ts';

const message = Buffer.from('From: ann@example.com\r\n\r\nHello\r\n');
const pair = await generateKeyPair({ algorithm: 'ed25519-sha256', domain: 'example.com', selector: 's1' });
const other = await generateKeyPair({ algorithm: 'ed25519-sha256', domain: 'example.com', selector: 's1' });
const key = { domain: 'example.com', selector: 's1', privateKey: pair.privateKey };

function keyring(check: KeyCheck, record?: string) {
  const warnings: string[] = [];
  const resolver = createMemoryResolver(record === undefined ? {} : { [pair.dnsName]: { TXT: [[record]] } });
  return {
    warnings,
    ring: createKeyring(key, {
      check,
      resolver,
      clock: systemClock,
      onWarning: (text) => warnings.push(text),
    }),
  };
}

it('signs for the domain of From and for those below it, and refuses all others', async () => {
  const { ring } = keyring('off');
  expect(await (await ring.signerFor('example.com'))!.sign(message)).toContain('d=example.com');
  expect(ring.signerFor('NEWS.Example.com')).toBe(ring.signerFor('example.com'));
  expect(() => ring.signerFor('example.org')).toThrow(
    expect.objectContaining({
      code: 'MB_BROKER_NO_SIGNING_KEY',
      message: expect.stringContaining('example.com'),
    }),
  );
  expect(() => ring.signerFor('badexample.com')).toThrow();
});

it('says nothing of a key that is published', async () => {
  const { ring, warnings } = keyring('warn', pair.dnsRecord);
  await (await ring.signerFor('example.com'))!.sign(message);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(warnings).toEqual([]);
});

it('warns once, at the first use, of a key that is missing or another one', async () => {
  for (const record of [undefined, other.dnsRecord]) {
    const { ring, warnings } = keyring('warn', record);
    expect(warnings).toEqual([]);
    ring.signerFor('example.com');
    ring.signerFor('example.com');
    await vi.waitFor(() => expect(warnings).toHaveLength(1));
    expect(warnings[0]).toContain('s1._domainkey.example.com');
  }
});

it('refuses to sign with a key that is not published, when told to', async () => {
  const { ring } = keyring('refuse', other.dnsRecord);
  await expect((await ring.signerFor('example.com'))!.sign(message)).rejects.toMatchObject({
    code: 'MB_DKIM_SELF_CHECK_MISMATCH',
  });
  const published = await keyring('refuse', pair.dnsRecord).ring.signerFor('example.com');
  await expect(published!.sign(message)).resolves.toContain('b=');
});

it('SAFE-34 refuses also with a key whose own check is undefined', async () => {
  const resolver = createMemoryResolver({ [pair.dnsName]: { TXT: [[other.dnsRecord]] } });
  const options = { check: 'refuse', resolver, clock: systemClock, onWarning: () => {} } as const;
  const unchecked = { ...key, selfCheck: undefined };
  for (const given of [unchecked, [unchecked], () => unchecked, async () => [unchecked]]) {
    const signer = await createKeyring(given, options).signerFor('example.com');
    await expect(signer!.sign(message)).rejects.toMatchObject({ code: 'MB_DKIM_SELF_CHECK_MISMATCH' });
  }
});
