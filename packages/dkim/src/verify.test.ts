import { createHash, createPrivateKey, sign as cryptoSign, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ed25519,
  inChunks,
  octets,
  plainMessage,
  resolverOf,
  resolveTxt,
  rsa,
  signWithEd25519,
  signWithRsa,
  withFields,
} from '../test/fixtures.ts';
import { formatKeyRecord } from './key-pair.ts';
import { signMessage } from './sign.ts';
import type { SignOptions } from './sign-options.ts';
import type { SignatureResult } from './signature-result.ts';
import { verifyMessage } from './verify.ts';
import type { VerifyOptions } from './verify-options.ts';

const vector = (name: string) => readFileSync(new URL(`../test/vectors/${name}`, import.meta.url));
const rfcKeys: Record<string, string> = JSON.parse(vector('rfc-keys.json').toString());

const signed = async (
  options: SignOptions | SignOptions[] = signWithRsa,
  message: Uint8Array = plainMessage,
) => withFields(await signMessage(message, options), message);

async function first(message: Uint8Array, options: Partial<VerifyOptions> = {}): Promise<SignatureResult> {
  const { signatures } = await verifyMessage(message, { resolveTxt, ...options });
  return signatures[0]!;
}

/** The result for a signed message with its text changed. */
async function changed(
  from: string | RegExp,
  to: string,
  options: SignOptions = signWithRsa,
): Promise<SignatureResult> {
  const before = (await signed(options)).toString('latin1');
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  return first(octets(after));
}

/** The result when the record of the RSA key is another one. */
async function withRecord(
  record: string | string[][],
  options: SignOptions = signWithRsa,
): Promise<SignatureResult> {
  return first(await signed(options), { resolveTxt: resolverOf({ [rsa.dnsName]: record }) });
}

const key = rsa.dnsRecord.slice('v=DKIM1; k=rsa; '.length);

describe('verification', () => {
  it('DKIM-20 verifies the examples of RFC 6376 and RFC 8463', async () => {
    const rfcTxt = resolverOf(rfcKeys);
    const rsaOnly = await verifyMessage(vector('rfc6376-a.eml'), { resolveTxt: rfcTxt });
    expect(rsaOnly.signatures).toMatchObject([{ status: 'pass', domain: 'example.com', keyBits: 1024 }]);
    const both = await verifyMessage(vector('rfc8463-a.eml'), { resolveTxt: rfcTxt });
    expect(both.signatures).toMatchObject([
      { status: 'pass', algorithm: 'ed25519-sha256', keyBits: 256 },
      { status: 'pass', algorithm: 'rsa-sha256' },
    ]);
  });

  it('DKIM-04 verifies a stream in chunks of any size', async () => {
    const message = await signed([signWithRsa, signWithEd25519]);
    for (const size of [1, 2, 3, 5, 64, 1000]) {
      const { signatures } = await verifyMessage(inChunks(message, size), { resolveTxt });
      expect(signatures.map((one) => one.status)).toEqual(['pass', 'pass']);
    }
  });

  it('verifies a message that a mail store holds with LF', async () => {
    const stored = octets((await signed()).toString('latin1').replaceAll('\r\n', '\n'));
    expect((await first(stored)).status).toBe('pass');
  });

  it('DKIM-21 says none without a signature, and pass when one of several passes', async () => {
    expect(await verifyMessage(plainMessage, { resolveTxt })).toMatchObject({
      status: 'none',
      signatures: [],
    });
    const message = await signed([signWithRsa, signWithEd25519]);
    const outcome = await verifyMessage(message, {
      resolveTxt: resolverOf({ [ed25519.dnsName]: ed25519.dnsRecord }),
    });
    expect(outcome).toMatchObject({
      status: 'pass',
      reason: 'verified',
      from: [' Alice <alice@example.com>'],
    });
    expect(outcome.signatures.map((one) => [one.status, one.reason])).toEqual([
      ['permerror', 'key-missing'],
      ['pass', 'verified'],
    ]);
  });

  it('DKIM-59 DKIM-69 tells what was signed and what was not', async () => {
    const message = withFields('X-Later: x\r\nTo: again\r\n', await signed({ ...signWithRsa, oversign: [] }));
    expect(await first(message)).toMatchObject({
      status: 'pass',
      domain: 'example.com',
      selector: 'rsa',
      identity: '@example.com',
      algorithm: 'rsa-sha256',
      canonicalization: 'relaxed/relaxed',
      keyBits: 2048,
      testing: false,
      signedHeaders: ['from', 'to', 'subject', 'date', 'message-id', 'content-type'],
      unsignedHeaders: ['x-later', 'to'],
      body: { signedBytes: 28, totalBytes: 28 },
    });
  });

  it('DKIM-21 DKIM-60 gives results, not exceptions, for a header without end', async () => {
    const outcome = await verifyMessage(octets(`X: ${'y'.repeat(5000)}`), {
      resolveTxt,
      maxHeaderBytes: 4096,
    });
    expect(outcome).toMatchObject({ status: 'permerror', reason: 'header-too-large', signatures: [] });
  });

  it('DKIM-22 joins the strings of a record with nothing between them', async () => {
    const parts = [rsa.dnsRecord.slice(0, 5), rsa.dnsRecord.slice(5, 100), '', rsa.dnsRecord.slice(100)];
    expect((await withRecord([parts])).status).toBe('pass');
  });

  it('DKIM-48 takes RSA where k= is absent, and tells revoked, broken and foreign records apart', async () => {
    expect((await withRecord(key)).status).toBe('pass');
    expect(await withRecord('v=DKIM1; p=')).toMatchObject({ status: 'permerror', reason: 'key-revoked' });
    expect(await withRecord(`k=rsa; v=DKIM1; ${key}`)).toMatchObject({
      status: 'permerror',
      reason: 'key-syntax',
    });
    expect(await withRecord(`${key}; ${key}`)).toMatchObject({ status: 'permerror', reason: 'key-syntax' });
    expect(await withRecord('v=DKIM1; p=AAAA')).toMatchObject({ status: 'permerror', reason: 'key-syntax' });
    expect(await withRecord(`v=DKIM1; n=${'x'.repeat(9000)}; ${key}`)).toMatchObject({
      reason: 'key-syntax',
    });
    expect(await withRecord(ed25519.dnsRecord)).toMatchObject({
      status: 'permerror',
      reason: 'key-type-mismatch',
    });
  });

  it('DKIM-50 obeys h=, s=, t=s and t=y', async () => {
    expect(await withRecord(`h=sha1; ${key}`)).toMatchObject({
      status: 'permerror',
      reason: 'key-hash-forbidden',
    });
    expect((await withRecord(`h=sha1:sha256; ${key}`)).status).toBe('pass');
    expect(await withRecord(`s=tlsrpt; ${key}`)).toMatchObject({
      status: 'permerror',
      reason: 'key-service-forbidden',
    });
    expect((await withRecord(`s=tlsrpt:email; ${key}`)).status).toBe('pass');
    const sub = { ...signWithRsa, identity: '@sub.example.com' };
    expect((await withRecord(key, sub)).status).toBe('pass');
    expect(await withRecord(`t=s; ${key}`, sub)).toMatchObject({
      status: 'permerror',
      reason: 'key-strict-identity',
    });
    expect((await withRecord(`t=s; ${key}`, { ...signWithRsa, identity: 'a@example.com' })).status).toBe(
      'pass',
    );
    expect(await withRecord(`t=y; ${key}`)).toMatchObject({ status: 'pass', testing: true });
    const tampered = octets((await signed()).toString('latin1').replace('Shall', 'Shell'));
    const testing = { resolveTxt: resolverOf({ [rsa.dnsName]: `t=y; ${key}` }) };
    expect(await first(tampered, testing)).toMatchObject({ status: 'neutral', reason: 'body-hash-mismatch' });
  });

  it('DKIM-51 tries several records at one name, up to four', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const wrong = formatKeyRecord(other.publicKey);
    expect((await withRecord([['v=spf1 -all'], [wrong], [rsa.dnsRecord]])).status).toBe('pass');
    expect(await withRecord([[wrong], ['v=DKIM1; p=']])).toMatchObject({
      status: 'fail',
      reason: 'signature-mismatch',
    });
    expect((await withRecord([[wrong], [wrong], [wrong], [wrong], [rsa.dnsRecord]])).status).toBe('fail');
  });

  it('DKIM-11 refuses RSA keys under 1024 bits', async () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 768 });
    const message = await signed({
      ...signWithRsa,
      privateKey: {
        algorithm: 'rsa-sha256',
        sign: (data) => Buffer.concat([Buffer.alloc(32), cryptoSign('sha256', data, short.privateKey)]),
      },
    });
    const published = { resolveTxt: resolverOf({ [rsa.dnsName]: formatKeyRecord(short.publicKey) }) };
    expect(await first(message, published)).toMatchObject({
      status: 'policy',
      reason: 'key-too-short',
      keyBits: 768,
    });
    expect(await first(await signed(), { minRsaBits: 3072 })).toMatchObject({
      status: 'policy',
      reason: 'key-too-short',
    });
  });

  it('DKIM-58 verifies signatures with x- tags, empty pieces and a colon at the end of h=', async () => {
    // Signed by hand, since the signer writes none of these.
    for (const extra of ['x-foo=bar; ', '; ', 'x-=; ; ']) {
      const head = `DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d=example.com; s=ed; ${extra}h=from:to::; `;
      const body = createHash('sha256').update('x\r\n').digest('base64');
      const unsigned = `${head}bh=${body}; b=`;
      const digest = createHash('sha256').update(`From: a@example.com\r\n${unsigned}`).digest();
      const signature = cryptoSign(null, digest, createPrivateKey(ed25519.privateKey)).toString('base64');
      const message = octets(`${unsigned}${signature}\r\nFrom: a@example.com\r\n\r\nx\r\n`);
      expect(await verifyMessage(message, { resolveTxt })).toMatchObject({ status: 'pass' });
    }
  });

  it('DKIM-23 tells each broken signature by its reason', async () => {
    const cases: [string | RegExp, string, string][] = [
      ['v=1; ', '', 'tag-missing'],
      [/a=rsa-sha256; /, '', 'tag-missing'],
      [/bh=[^;]+;/, '', 'tag-missing'],
      [/; b=[^;]+\r\nFrom/s, ';\r\nFrom', 'tag-missing'],
      ['d=example.com;', '', 'tag-missing'],
      ['s=rsa;', '', 'tag-missing'],
      ['s=rsa;', 's=;', 'tag-missing'],
      ['h=from:from:', 'h=x:', 'from-not-signed'],
      ['v=1', 'v=2', 'version-unknown'],
      ['v=1', 'v=1; q=http', 'query-unknown'],
      ['a=rsa-sha256', 'a=rsa-sha512', 'algorithm-unknown'],
      ['a=rsa-sha256', 'a=rsa-sha1', 'algorithm-forbidden'],
      ['c=relaxed/relaxed', 'c=relaxed/nofws', 'canonicalization-unknown'],
      ['c=relaxed/relaxed', 'c=relaxed/relaxed/simple', 'canonicalization-unknown'],
      ['v=1', 'v=1; i=@example.org', 'identity-mismatch'],
      ['v=1', 'v=1; i=@badexample.com', 'identity-mismatch'],
      ['v=1', 'v=1; i=nobody', 'tag-value'],
      ['v=1', 'v=1; x=1', 'tag-value'],
      ['v=1', 'v=1; l=-1', 'tag-value'],
      ['v=1', 'v=1; l=99999', 'body-length-exceeded'],
      ['d=example.com', 'd=exa mple.com', 'tag-value'],
      [/bh=./, 'bh=*', 'tag-value'],
      ['v=1', 'v=1; v=1', 'tag-duplicate'],
      ['DKIM-Signature: ', 'DKIM-Signature: =; ', 'tag-syntax'],
    ];
    for (const [from, to, reason] of cases) {
      const result = await changed(from, to);
      expect([result.reason, result.status], `${from} → ${to}`).toEqual([reason, 'permerror']);
    }
  });

  it('DKIM-23 tells a changed body, a changed header and an expired signature apart', async () => {
    expect(await changed('Shall', 'Shell')).toMatchObject({ status: 'fail', reason: 'body-hash-mismatch' });
    expect(await changed('Subject: D', 'Subject: d')).toMatchObject({
      status: 'fail',
      reason: 'signature-mismatch',
    });
    const message = await signed({ ...signWithRsa, expiresAfterSeconds: 60, now: () => 1_000_000 });
    expect((await first(message, { now: () => 1_059_999 })).status).toBe('pass');
    expect(await first(message, { now: () => 1_060_000 })).toMatchObject({
      status: 'permerror',
      reason: 'expired',
    });
  });

  it('DKIM-23 takes the defaults of c= and q=, and names in any case', async () => {
    const message = await signed({ ...signWithRsa, canonicalization: 'simple/simple', oversign: [] });
    const field = message.toString('latin1').split('\r\nFrom:')[0]!;
    const unsigned = octets(
      field.replace(' c=simple/simple;', '').replace(/\tb=[\s\S]*$|b=[A-Za-z0-9+/=\s]*$/, 'b='),
    );
    expect(unsigned.toString()).toMatch(/b=$/);
    expect(unsigned.toString()).not.toContain('c=');
    const headers = ['From', 'To', 'Subject', 'Date', 'Message-ID', 'Content-Type'].map(
      (name) => new RegExp(`^${name}: .*\r\n`, 'm').exec(plainMessage.toString('latin1'))![0],
    );
    const data = Buffer.concat([octets(headers.join('')), unsigned]);
    const signature = cryptoSign('sha256', data, createPrivateKey(rsa.privateKey)).toString('base64');
    const rebuilt = octets(`${unsigned}${signature}\r\n${plainMessage.toString('latin1')}`);
    expect(await first(rebuilt)).toMatchObject({ status: 'pass', canonicalization: 'simple/simple' });
  });

  it('DKIM-24 DKIM-59 honours l=, reports what is signed, and does not call the rest signed', async () => {
    const message = await signed({ ...signWithRsa, bodyLength: 'whole' });
    const appended = Buffer.concat([message, octets('Buy now!\r\n')]);
    expect(await first(appended)).toMatchObject({
      status: 'pass',
      body: { signedBytes: 28, totalBytes: 40 },
    });
    const part = await signed({ ...signWithRsa, bodyLength: 0 });
    expect(await first(part)).toMatchObject({ status: 'pass', body: { signedBytes: 0, totalBytes: 28 } });
    expect(await changed('l=28', 'l=29', { ...signWithRsa, bodyLength: 'whole' })).toMatchObject({
      reason: 'body-length-exceeded',
    });
  });

  it('DKIM-54 DKIM-55 tries eight signatures and no more, with one lookup a selector', async () => {
    const names: string[] = [];
    const counting = async (name: string) => {
      names.push(name);
      return resolveTxt(name);
    };
    const message = await signed(Array.from({ length: 9 }, () => signWithRsa));
    const { signatures } = await verifyMessage(message, { resolveTxt: counting });
    expect(signatures.map((one) => one.status)).toEqual([
      ...Array.from({ length: 8 }, () => 'pass'),
      'policy',
    ]);
    expect(signatures[8]!.reason).toBe('too-many-signatures');
    expect(names).toEqual([rsa.dnsName]);
    const few = await verifyMessage(message, { resolveTxt, maxSignatures: 2 });
    expect(few.signatures.filter((one) => one.status === 'pass').length).toBe(2);
  });

  it('DKIM-56 does not wait for a lookup that never ends', async () => {
    const never = () => new Promise<string[][]>(() => {});
    const result = await first(await signed(), { resolveTxt: never, lookupTimeoutMs: 20 });
    expect(result).toMatchObject({ status: 'temperror', reason: 'key-lookup-timeout' });
  });

  it('DKIM-25 DKIM-57 takes NXDOMAIN and NODATA for no key, and everything else for a temporary failure', async () => {
    for (const code of ['ENOTFOUND', 'ENODATA']) {
      expect(await withRecord(code)).toMatchObject({ status: 'permerror', reason: 'key-missing' });
    }
    expect(await withRecord([])).toMatchObject({ status: 'permerror', reason: 'key-missing' });
    for (const code of ['ESERVFAIL', 'ETIMEOUT', 'ECONNREFUSED', 'EREFUSED', 'ECANCELLED']) {
      expect(await withRecord(code)).toMatchObject({ status: 'temperror', reason: 'key-lookup-failed' });
    }
    const throwing = () => {
      throw new Error('not even a promise');
    };
    expect(await first(await signed(), { resolveTxt: throwing })).toMatchObject({ status: 'temperror' });
    expect(await first(await signed(), { resolveTxt: async () => 'no array' as never })).toMatchObject({
      status: 'temperror',
    });
  });

  it('finds the key of a signature with U-labels under its A-labels', async () => {
    const message = await signed({ ...signWithRsa, domain: 'münchen.example' });
    const utf8 = Buffer.from(
      message.toString('latin1').replace('d=xn--mnchen-3ya.example', 'd=münchen.example'),
      'utf8',
    );
    const records = resolverOf({ 'rsa._domainkey.xn--mnchen-3ya.example': rsa.dnsRecord });
    expect(await first(utf8, { resolveTxt: records })).toMatchObject({
      domain: 'xn--mnchen-3ya.example',
      reason: 'signature-mismatch',
    });
  });

  it('refuses options that make no sense', async () => {
    for (const options of [
      {},
      { resolveTxt, resolver: 1 },
      { resolveTxt, minRsaBits: 512 },
      { resolveTxt, maxSignatures: 0 },
    ]) {
      await expect(verifyMessage(plainMessage, options as never)).rejects.toMatchObject({
        code: 'MB_DKIM_OPTION',
      });
    }
  });
});
