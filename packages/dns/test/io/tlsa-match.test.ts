import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { matchTlsa, type TlsaRecord } from '../../src/index.ts';
import { type IssuedCertificate, makeRoot } from './certificates.ts';

const root = await makeRoot('Root');
const middle = await root.issue({ commonName: 'Middle', ca: true });
const leaf = await middle.issue({
  commonName: 'mx.example.test',
  names: ['mx.example.test', '*.wild.test'],
});
const expired = await middle.issue({
  commonName: 'x',
  names: ['mx.example.test'],
  notAfter: new Date('2025-06-01'),
});
const noCa = await root.issue({ commonName: 'Not a CA' });
const underNoCa = await noCa.issue({ commonName: 'x', names: ['mx.example.test'] });
const otherRoot = await makeRoot('Root');

const now = Date.UTC(2026, 10, 21);

function tlsa(
  usage: number,
  selector: number,
  matchingType: number,
  { x509 }: IssuedCertificate,
): TlsaRecord {
  const selected = selector === 0 ? x509.raw : x509.publicKey.export({ type: 'spki', format: 'der' });
  const data =
    matchingType === 0
      ? selected
      : createHash(matchingType === 1 ? 'sha256' : 'sha512')
          .update(selected)
          .digest();
  return { usage, selector, matchingType, data: new Uint8Array(data) };
}

function match(records: TlsaRecord[], chain: IssuedCertificate[], names = ['mx.example.test'], at = now) {
  return matchTlsa(records, { chain: chain.map(({ x509 }) => x509.raw), referenceNames: names, now: at });
}

describe('matchTlsa', () => {
  it('DANE-05 matches usage 3 by certificate or key, whatever names and dates say', () => {
    for (const selector of [0, 1]) {
      for (const matchingType of [0, 1, 2]) {
        const record = tlsa(3, selector, matchingType, expired);
        expect(match([record], [expired, middle], ['another.test'])).toEqual({
          matched: true,
          record,
          depth: 0,
        });
        expect(match([record], [leaf, middle])).toMatchObject({ matched: false });
      }
    }
    // Usage 3 is about the server's own certificate, never about an issuer.
    expect(match([tlsa(3, 1, 1, middle)], [leaf, middle])).toMatchObject({ matched: false });
  });

  it('DANE-06 matches usage 2 by an issuer that was sent', () => {
    for (const selector of [0, 1]) {
      for (const matchingType of [0, 1, 2]) {
        expect(match([tlsa(2, selector, matchingType, middle)], [leaf, middle, root])).toMatchObject({
          matched: true,
          depth: 1,
        });
        expect(match([tlsa(2, selector, matchingType, root)], [leaf, root, middle])).toMatchObject({
          matched: true,
          depth: 2,
        });
      }
    }
    expect(match([tlsa(2, 0, 1, leaf)], [leaf, middle])).toMatchObject({ matched: false });
  });

  it('DANE-06 matches usage 2 by a whole issuer in the record that was not sent', () => {
    expect(match([tlsa(2, 0, 0, root)], [leaf, middle])).toMatchObject({ matched: true, depth: 2 });
    expect(match([tlsa(2, 1, 0, middle)], [leaf])).toMatchObject({ matched: true, depth: 1 });
    expect(match([tlsa(2, 1, 1, root)], [leaf, middle])).toMatchObject({ matched: false });
  });

  it('DANE-06 checks names, dates, signatures and the CA flag for usage 2', () => {
    const anchor = tlsa(2, 0, 1, middle);
    expect(match([anchor], [leaf, middle], ['a.wild.test'])).toMatchObject({ matched: true });
    expect(match([anchor], [leaf, middle], ['wild.test', 'a.b.wild.test', 'other.test'])).toMatchObject({
      matched: false,
      reason: expect.stringContaining('not for'),
    });
    expect(match([anchor], [expired, middle])).toMatchObject({
      matched: false,
      reason: expect.stringContaining('not valid'),
    });
    expect(match([anchor], [leaf, middle], ['mx.example.test'], Date.UTC(2024, 0))).toMatchObject({
      matched: false,
    });
    expect(match([tlsa(2, 0, 1, noCa)], [underNoCa, noCa])).toMatchObject({ matched: false });
    // Same name, other key: not an issuer.
    expect(match([tlsa(2, 0, 1, otherRoot)], [leaf, middle, otherRoot])).toMatchObject({ matched: false });
  });

  it('DANE-06 does not look at the dates of the anchor itself, but at those of issuers below it', async () => {
    const old = await root.issue({ commonName: 'Old', ca: true, notAfter: new Date('2025-06-01') });
    const under = await old.issue({ commonName: 'x', names: ['mx.example.test'] });
    expect(match([tlsa(2, 0, 1, old)], [under, old, root])).toMatchObject({ matched: true, depth: 1 });
    expect(match([tlsa(2, 0, 1, root)], [under, old, root])).toMatchObject({
      matched: false,
      reason: expect.stringContaining('not valid'),
    });
  });

  it('DANE-02 never matches unusable records, unreadable chains, or none', () => {
    expect(match([tlsa(1, 0, 1, leaf), tlsa(0, 0, 1, root)], [leaf, middle, root])).toMatchObject({
      matched: false,
    });
    expect(match([], [leaf])).toMatchObject({ matched: false });
    expect(match([tlsa(3, 1, 1, leaf)], [])).toMatchObject({ matched: false });
    expect(
      matchTlsa([tlsa(3, 1, 1, leaf)], { chain: [new Uint8Array(100)], referenceNames: [], now }),
    ).toMatchObject({ matched: false });
    const junk = { usage: 2, selector: 1, matchingType: 0, data: new Uint8Array(20) };
    expect(match([junk, tlsa(3, 1, 1, leaf)], [leaf])).toMatchObject({ matched: true });
    expect(match([junk], [leaf])).toMatchObject({ matched: false });
  });

  it('DANE-03 finds no match, and throws nothing, where a key cannot be decoded', () => {
    // The last octet of id-ecPublicKey, 1.2.840.10045.2.1, changed to one that is not assigned.
    const damaged = ({ x509 }: IssuedCertificate) => {
      const der = Buffer.from(x509.raw);
      const at = der.indexOf(Buffer.from('2a8648ce3d0201', 'hex'));
      der[at + 6] = 0x7f;
      return der;
    };
    const chains = [
      [damaged(leaf), middle.x509.raw],
      [leaf.x509.raw, damaged(middle)],
    ];
    for (const chain of chains) {
      for (const usage of [2, 3]) {
        for (const selector of [0, 1]) {
          const records = [tlsa(usage, selector, 1, otherRoot)];
          const peer = { chain, referenceNames: ['mx.example.test'], now };
          expect(matchTlsa(records, peer)).toMatchObject({ matched: false });
        }
      }
    }
  });
});
