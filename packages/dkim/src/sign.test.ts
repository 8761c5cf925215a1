import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  canonicalizations,
  ed25519,
  inChunks,
  octets,
  plainMessage,
  resolveTxt,
  rsa,
  signWithEd25519,
  signWithRsa,
  withFields,
  zone,
} from '../test/fixtures.ts';
import { generateKeyPair } from './key-pair.ts';
import { toCrlf } from './message.ts';
import { createSigner, signMessage } from './sign.ts';
import { isKeyValid, type SignOptions } from './sign-options.ts';
import { parseTagList } from './tag-list.ts';
import { verifyMessage } from './verify.ts';

const tagsOf = (field: string) => parseTagList(field.slice(field.indexOf(':') + 1));
const statusOf = async (message: Uint8Array) => (await verifyMessage(message, { resolveTxt })).status;

describe('signing', () => {
  it('DKIM-10 signs with RSA, Ed25519 and both, in all canonicalisations', async () => {
    for (const canonicalization of canonicalizations) {
      const fields = await signMessage(plainMessage, [
        { ...signWithRsa, canonicalization },
        { ...signWithEd25519, canonicalization },
      ]);
      const { signatures } = await verifyMessage(withFields(fields, plainMessage), { resolveTxt });
      expect(signatures.map((one) => [one.algorithm, one.status, one.canonicalization])).toEqual([
        ['rsa-sha256', 'pass', canonicalization],
        ['ed25519-sha256', 'pass', canonicalization],
      ]);
    }
  });

  it('DKIM-06 signs bare CR, bare LF, NUL and 8-bit content as they will be on the wire', async () => {
    const bodies = ['a\rb', 'a\nb', 'a\r\r\n\nb\r', 'nul \0 and \xff\xfe 8-bit \xe9\r\n', '\r', '\n\n a \n'];
    for (const canonicalization of canonicalizations) {
      for (const body of bodies) {
        const message = octets(`From: a@example.com\nSubject: caf\xe9\r\rX: not a header\r\n${body}`);
        for (const input of [message, octets(`From: a@example.com\r\n\r\n${body}`)]) {
          const field = await signMessage(input, { ...signWithRsa, canonicalization });
          expect(await statusOf(withFields(field, toCrlf(input)))).toBe('pass');
        }
      }
    }
  });

  it('DKIM-38 never produces rsa-sha1', async () => {
    expect(tagsOf(await signMessage(plainMessage, signWithRsa)).get('a')).toBe('rsa-sha256');
  });

  it('DKIM-12 signs repeated fields from the bottom up', async () => {
    const message = octets('To: first\r\nFrom: a@example.com\r\nTo: second\r\nTo: third\r\n\r\nx\r\n');
    const field = await signMessage(message, { ...signWithRsa, headers: ['to'], oversign: [] });
    expect(tagsOf(field).get('h')!.replace(/\s/g, '')).toBe('from:to:to:to');
    expect(await statusOf(withFields(field, message))).toBe('pass');
    const reordered = octets('To: second\r\nFrom: a@example.com\r\nTo: first\r\nTo: third\r\n\r\nx\r\n');
    expect(await statusOf(withFields(field, reordered))).toBe('fail');
  });

  it('DKIM-39 signs From always', async () => {
    const field = await signMessage(plainMessage, { ...signWithRsa, headers: ['Subject'], oversign: [] });
    expect(tagsOf(field).get('h')).toBe('from:subject');
    await expect(signMessage(octets('To: b\r\n\r\nx'), signWithRsa)).rejects.toMatchObject({
      code: 'MB_DKIM_FROM_MISSING',
    });
  });

  it('DKIM-40 oversigns what a forger would add: prepending any of them breaks the signature', async () => {
    const names = [
      'From',
      'To',
      'Cc',
      'Subject',
      'Date',
      'Reply-To',
      'Message-ID',
      'Content-Type',
      'MIME-Version',
      'List-Unsubscribe',
      'List-Unsubscribe-Post',
    ];
    const signed = withFields(await signMessage(plainMessage, signWithRsa), plainMessage);
    expect(await statusOf(withFields('X-Other: added\r\n', signed))).toBe('pass');
    for (const name of names) {
      expect(await statusOf(withFields(`${name}: forged\r\n`, signed))).toBe('fail');
      expect(await statusOf(withFields(`${name.toUpperCase()} : forged\r\n`, signed))).toBe('fail');
    }
  });

  it('DKIM-13 DKIM-41 folds the field to 78 columns, with b= last and everything before it signed', async () => {
    const long = `a${'b'.repeat(50)}.example.com`;
    const { privateKey } = await generateKeyPair({ domain: long, selector: 's' });
    for (const options of [
      signWithRsa,
      signWithEd25519,
      { domain: long, selector: 's'.repeat(60), privateKey },
    ]) {
      const field = await signMessage(plainMessage, {
        ...options,
        copyHeaders: ['subject', 'from', 'date', 'to'],
      });
      const lines = field.split('\r\n');
      expect(lines.pop()).toBe('');
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(78);
      for (const line of lines.slice(1)) expect(line).toMatch(/^\t\S/);
      expect([...tagsOf(field).keys()].at(-1)).toBe('b');
    }
  });

  it('DKIM-27 DKIM-62 folds copied header fields of any length, and the field still verifies', async () => {
    const to = Array.from({ length: 60 }, (_, index) => `R\u00e9cipient <user${index}@example.net>`).join(
      ',\r\n ',
    );
    const message = octets(`From: a@example.com\r\nTo: ${to}\r\nSubject: ${'='.repeat(300)}\r\n\r\nx\r\n`);
    for (const canonicalization of canonicalizations) {
      const field = await signMessage(message, {
        ...signWithRsa,
        canonicalization,
        copyHeaders: ['to', 'subject', 'from'],
      });
      for (const line of field.split('\r\n')) expect(line.length).toBeLessThanOrEqual(78);
      expect(field).not.toMatch(/=[0-9A-F]?\r\n\t[0-9A-F]*[|;=]/);
      const { status } = await verifyMessage(withFields(field, message), { resolveTxt });
      expect(status).toBe('pass');
      const copied = tagsOf(field).get('z')!.replace(/\s+/g, '');
      const back = Buffer.from(
        copied.replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
        'latin1',
      );
      expect(back.toString('latin1')).toContain(`to: ${to}`);
    }
  });

  it('DKIM-42 refuses an identity that no line can hold', () => {
    const identity = `${'x'.repeat(600)}@example.com`;
    expect(() => createSigner({ ...signWithRsa, identity })).toThrowError(
      expect.objectContaining({ code: 'MB_DKIM_OPTION' }),
    );
  });

  it('DKIM-13 verifies with any white space in the b= of a relaxed signature', async () => {
    const field = await signMessage(plainMessage, signWithRsa);
    const spaced = field.replace(
      /b=([^;]*)\r\n$/,
      (_, value: string) => `b=  ${value.replace(/(.{7})/g, '$1\r\n ')}\t\r\n`,
    );
    expect(spaced).not.toBe(field);
    expect(await statusOf(withFields(spaced, plainMessage))).toBe('pass');
  });

  it('DKIM-14 supports t=, x=, i=, l=, c=, q= and z=', async () => {
    const field = await signMessage(plainMessage, {
      ...signWithRsa,
      canonicalization: 'simple/relaxed',
      identity: 'news;letter=1@Sub.example.com',
      expiresAfterSeconds: 3600,
      bodyLength: 10,
      queryMethod: 'dns/txt',
      copyHeaders: ['Subject'],
    });
    const tags = tagsOf(field);
    expect(tags.get('c')).toBe('simple/relaxed');
    expect(tags.get('i')).toBe('news=3Bletter=3D1@Sub.example.com');
    expect(Number(tags.get('x')) - Number(tags.get('t'))).toBe(3600);
    expect(tags.get('l')).toBe('10');
    expect(tags.get('q')).toBe('dns/txt');
    expect(tags.get('z')).toBe('subject:=20Dinner=20=20on=09Friday');
    const { signatures } = await verifyMessage(withFields(field, plainMessage), { resolveTxt });
    expect(signatures[0]).toMatchObject({
      status: 'pass',
      identity: 'news;letter=1@Sub.example.com',
      body: { signedBytes: 10 },
      timestamp: Number(tags.get('t')),
      expiresAt: Number(tags.get('x')),
    });
  });

  it('DKIM-14 folds a z= of many recipients', async () => {
    const to = Array.from({ length: 60 }, (_, i) => `recipient-${i}@subdomain.example.com`).join(',\r\n ');
    const message = octets(`From: a@example.com\r\nTo: ${to}\r\nSubject: ${'x'.repeat(900)}\r\n\r\nx\r\n`);
    const field = await signMessage(message, { ...signWithRsa, copyHeaders: ['To', 'Subject'] });
    for (const line of field.split('\r\n')) expect(line.length).toBeLessThanOrEqual(78);
    expect(tagsOf(field).get('z')?.replace(/\s/g, '')).toContain('recipient-59@subdomain.example.com');
    const { signatures } = await verifyMessage(withFields(field, message), { resolveTxt });
    expect(signatures[0]?.status).toBe('pass');
  });

  it('DKIM-14 leaves out l=, x=, i=, q= and z= unless asked for, and t= when told to', async () => {
    const field = await signMessage(plainMessage, { ...signWithRsa, timestamp: false });
    expect([...tagsOf(field).keys()]).toEqual(['v', 'a', 'c', 'd', 's', 'h', 'bh', 'b']);
  });

  it('DKIM-45 signs the whole body length, and refuses to promise more than there is', async () => {
    const whole = await signMessage(plainMessage, { ...signWithRsa, bodyLength: 'whole' });
    expect(tagsOf(whole).get('l')).toBe(String('Shall we meet ?\r\n\r\n.hidden\r\n'.length));
    await expect(signMessage(plainMessage, { ...signWithRsa, bodyLength: 1000 })).rejects.toMatchObject({
      code: 'MB_DKIM_BODY_TOO_SHORT',
    });
  });

  it('DKIM-43 sends d= and s= as A-labels', async () => {
    const field = await signMessage(plainMessage, {
      ...signWithRsa,
      domain: 'müller.example',
      selector: 'schlüssel.2026',
    });
    expect(tagsOf(field).get('d')).toBe('xn--mller-kva.example');
    expect(tagsOf(field).get('s')).toBe('xn--schlssel-95a.2026');
  });

  it('DKIM-44 refuses values that could become other tags, fields or names', () => {
    const bad: Partial<SignOptions>[] = [
      { domain: 'example.com; x=1' },
      { domain: 'example.com\r\nBcc: x' },
      { domain: '' },
      { domain: 'müller/x.example' },
      { domain: 'ann@müller.example' },
      { domain: 'a..b' },
      { selector: 's;t=1' },
      { selector: 's\n' },
      { identity: 'a\r\nb@example.com' },
      { identity: 'a@example.org' },
      { identity: 'a@notexample.com' },
      { identity: 'nobody' },
      { headers: ['from;'] },
      { headers: ['a:b'] },
      { oversign: ['x y'] },
      { copyHeaders: ['a\r\nb'] },
      { canonicalization: 'relaxed' as never },
      { queryMethod: 'http' as never },
      { expiresAfterSeconds: -1 },
      { bodyLength: 1.5 },
      { bodyLength: -1 },
      { validFrom: 2, validUntil: 1 },
      { validFrom: Number.NaN },
    ];
    for (const change of bad) {
      expect(
        () => createSigner({ ...signWithRsa, ...change } as SignOptions),
        JSON.stringify(change),
      ).toThrowError(expect.objectContaining({ code: 'MB_DKIM_OPTION' }));
    }
  });

  it('refuses unknown options', async () => {
    const misspelt = { ...signWithRsa, headerFieldNames: 'from' } as never;
    expect(() => createSigner(misspelt)).toThrowError(/headerFieldNames/);
    expect(() => createSigner([])).toThrowError(expect.objectContaining({ code: 'MB_DKIM_OPTION' }));
    await expect(createSigner(signWithRsa).sign(plainMessage, { sginal: 1 } as never)).rejects.toMatchObject({
      code: 'MB_DKIM_OPTION',
    });
  });

  it('DKIM-15 hashes lines with dots as the receiver reads them, not as SMTP stuffs them', async () => {
    const body = '.\r\n..two\r\n...\r\n';
    const field = await signMessage(octets(`From: a@example.com\r\n\r\n${body}`), signWithRsa);
    expect(tagsOf(field).get('bh')).toBe(createHash('sha256').update(body).digest('base64'));
    const stuffed = `${field}From: a@example.com\r\n\r\n${body}`.replace(/^\./gm, '..');
    const received = octets(stuffed.replace(/^\.\./gm, '.'));
    expect(await statusOf(received)).toBe('pass');
  });

  it('DKIM-16 signs a stream in chunks of any size as it signs the whole', async () => {
    const now = () => 1_795_000_000_000;
    const expected = await signMessage(plainMessage, { ...signWithRsa, now });
    for (const size of [1, 2, 3, 7, 50, 1000]) {
      expect(await signMessage(inChunks(plainMessage, size), { ...signWithRsa, now })).toBe(expected);
    }
  });

  it('refuses a message whose header would be read in two ways', async () => {
    for (const header of [
      'From: a\r\nno colon here\r\n',
      ' From: a\r\n',
      'From: a\r\n: b\r\n',
      'From: a\r\nX Y: b\r\n',
    ]) {
      await expect(signMessage(octets(`${header}\r\nbody`), signWithRsa)).rejects.toMatchObject({
        code: 'MB_DKIM_HEADER_SYNTAX',
      });
    }
  });

  it('passes on what the stream throws', async () => {
    async function* broken() {
      yield octets('From: a@example.com\r\n\r\n');
      throw new Error('disk on fire');
    }
    await expect(signMessage(broken(), signWithRsa)).rejects.toThrow('disk on fire');
  });
});

describe('key rotation', () => {
  const day = 86_400_000;
  const keys = [
    { selector: 'rsa', privateKey: rsa.privateKey, validUntil: 11 * day },
    { selector: 'ed', privateKey: ed25519.privateKey, validFrom: 10 * day, validUntil: new Date(20 * day) },
  ];
  const selectorAt = async (now: number) =>
    tagsOf(await signMessage(plainMessage, { domain: 'example.com', keys, now: () => now })).get('s');

  it('picks the key by date, the newest where windows overlap', async () => {
    expect(await selectorAt(9 * day)).toBe('rsa');
    expect(await selectorAt(10 * day)).toBe('ed');
    expect(await selectorAt(20 * day - 1)).toBe('ed');
  });

  it('refuses to send unsigned when no key is valid', async () => {
    await expect(selectorAt(20 * day)).rejects.toMatchObject({ code: 'MB_DKIM_KEY_WINDOW' });
  });

  it('DKIM-70 a key is valid from validFrom on, and before validUntil', () => {
    const key = { validFrom: new Date(10), validUntil: 20 };
    expect([9, 10, 19, 20].map((at) => isKeyValid(key, at))).toEqual([false, true, true, false]);
    expect(isKeyValid({}, 0)).toBe(true);
    expect(isKeyValid({ validUntil: 5 }, -1e12)).toBe(true);
    for (const wrong of [{ validFrom: 2, validUntil: 1 }, { validFrom: Number.NaN }]) {
      expect(() => isKeyValid(wrong, 0)).toThrow(expect.objectContaining({ code: 'MB_DKIM_OPTION' }));
    }
  });

  it('wants either keys or one key', () => {
    for (const options of [
      { domain: 'example.com', keys: [] },
      { domain: 'example.com', keys, selector: 'rsa' },
      { domain: 'example.com', keys: [{ selector: 'a', privateKey: rsa.privateKey, until: 1 }] },
    ]) {
      expect(() => createSigner(options as never)).toThrowError(
        expect.objectContaining({ code: 'MB_DKIM_OPTION' }),
      );
    }
  });
});

describe('the self-check', () => {
  const sign = (zoneNow: Record<string, string>, calls: string[] = []) =>
    createSigner({
      ...signWithRsa,
      selfCheck: {
        resolveTxt: async (name) => {
          calls.push(name);
          const record = zoneNow[name] ?? 'ENOTFOUND';
          if (record.startsWith('E')) throw Object.assign(new Error(name), { code: record });
          return [[record]];
        },
      },
    });

  it('gives the signature when the published record verifies it, with one lookup for many messages', async () => {
    const calls: string[] = [];
    const signer = sign(zone, calls);
    for (let count = 0; count < 3; count++) {
      expect(await statusOf(withFields(await signer.sign(plainMessage), plainMessage))).toBe('pass');
    }
    expect(calls).toEqual([rsa.dnsName]);
  });

  it('refuses when there is no record, a revoked one, another key, or none for e-mail', async () => {
    const other = await generateKeyPair({ domain: 'example.com', selector: 'rsa' });
    for (const record of [
      'ENOTFOUND',
      'ENODATA',
      'v=DKIM1; p=',
      other.dnsRecord,
      `s=tlsrpt; ${rsa.dnsRecord.slice(10)}`,
      ed25519.dnsRecord,
    ]) {
      await expect(sign({ [rsa.dnsName]: record }).sign(plainMessage)).rejects.toMatchObject({
        code: 'MB_DKIM_SELF_CHECK_MISMATCH',
        retryable: false,
      });
    }
  });

  it('refuses for now when DNS does not answer', async () => {
    await expect(sign({ [rsa.dnsName]: 'ETIMEOUT' }).sign(plainMessage)).rejects.toMatchObject({
      code: 'MB_DKIM_SELF_CHECK_DNS',
      kind: 'network',
      retryable: true,
    });
  });
});
