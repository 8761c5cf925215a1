import { createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ed25519, rsa } from '../test/fixtures.ts';
import { DkimError } from './errors.ts';
import { parseKeyRecord, publicKeyOf } from './key-record.ts';

function codeOf(text: string): string {
  try {
    publicKeyOf(parseKeyRecord(text));
    return 'accepted';
  } catch (error) {
    return DkimError.isInstance(error) ? error.code : String(error);
  }
}

const p = rsa.dnsRecord.slice(rsa.dnsRecord.indexOf('p='));

describe('key records', () => {
  it('DKIM-47 DKIM-61 takes RSA where k= is absent, and all hashes and services', () => {
    expect(parseKeyRecord(p)).toMatchObject({
      keyType: 'rsa',
      hashAlgorithms: undefined,
      services: ['*'],
      testing: false,
      strictIdentity: false,
    });
  });

  it('DKIM-50 reads h=, s=, t= and n=, and ignores unknown tags', () => {
    expect(
      parseKeyRecord(`v=DKIM1; h=sha1 : SHA256; s=email:tlsrpt; t=y:s:future; n=note; g=*; x=y; ${p}`),
    ).toMatchObject({
      hashAlgorithms: ['sha1', 'sha256'],
      services: ['email', 'tlsrpt'],
      testing: true,
      strictIdentity: true,
      notes: 'note',
    });
  });

  it('DKIM-49 wants v= first and DKIM1, if at all', () => {
    expect(codeOf(`v=DKIM1; ${p}`)).toBe('accepted');
    expect(codeOf(`k=rsa; v=DKIM1; ${p}`)).toBe('MB_DKIM_RECORD_SYNTAX');
    expect(codeOf(`v=DKIM2; ${p}`)).toBe('MB_DKIM_RECORD_SYNTAX');
    expect(codeOf(`v=dkim1; ${p}`)).toBe('MB_DKIM_RECORD_SYNTAX');
  });

  it('DKIM-48 takes the empty p= of a revoked key, and refuses a missing one', () => {
    expect(parseKeyRecord('v=DKIM1; p=').publicKey.length).toBe(0);
    expect(codeOf('v=DKIM1; k=rsa')).toBe('MB_DKIM_RECORD_SYNTAX');
  });

  it('DKIM-52 takes 32 raw octets for an Ed25519 key, and nothing else', () => {
    expect(codeOf(ed25519.dnsRecord)).toBe('accepted');
    const spki = createPublicKey(ed25519.publicKey)
      .export({ type: 'spki', format: 'der' })
      .toString('base64');
    expect(codeOf(`k=ed25519; p=${spki}`)).toBe('MB_DKIM_RECORD_SYNTAX');
    expect(codeOf('k=ed25519; p=AAAA')).toBe('MB_DKIM_RECORD_SYNTAX');
  });

  it('reads an RSA key in both forms that are published', () => {
    const pkcs1 = createPublicKey(createPrivateKey(rsa.privateKey)).export({ type: 'pkcs1', format: 'der' });
    expect(codeOf(`p=${pkcs1.toString('base64')}`)).toBe('accepted');
  });

  it('refuses what is no key', () => {
    expect(codeOf('p=AAAA')).toBe('MB_DKIM_RECORD_SYNTAX');
    expect(codeOf('p=not base64!')).toBe('MB_DKIM_RECORD_SYNTAX');
    expect(codeOf(`k=ml-dsa; ${p}`)).toBe('MB_DKIM_RECORD_SYNTAX');
    expect(codeOf(`k=rsa; ${ed25519.dnsRecord.slice(ed25519.dnsRecord.indexOf('p='))}`)).toBe(
      'MB_DKIM_RECORD_SYNTAX',
    );
    expect(codeOf('v=spf1 -all')).toBe('MB_DKIM_RECORD_SYNTAX');
    expect(codeOf(`p=AAAA; ${p}`)).toBe('MB_DKIM_TAG_DUPLICATE');
  });
});
