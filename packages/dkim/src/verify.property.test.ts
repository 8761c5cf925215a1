import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalizations,
  octets,
  resolveTxt,
  rsa,
  signWithEd25519,
  signWithRsa,
  withFields,
} from '../test/fixtures.ts';
import { referenceBody, referenceField } from '../test/reference.ts';
import { sealMessage } from './arc/seal.ts';
import { verifyArc } from './arc/verify.ts';
import { parseAuthenticationResults } from './authentication-results.ts';
import { DkimError } from './errors.ts';
import { parseKeyRecord } from './key-record.ts';
import { toCrlf } from './message.ts';
import { signMessage } from './sign.ts';
import { parseTagList } from './tag-list.ts';
import { verifyMessage } from './verify.ts';

const message = octets(
  'From: Alice <alice@example.com>\r\nTo : Bob\r\n <bob@example.org>\r\nSubject: Dinner  now\r\n\r\nShall we \r\n meet?\r\n\r\n',
);

/** What a signature covers, in the form in which the RFC compares it: equal texts are the same message to a verifier. */
function covered(text: string, canonicalization: string): string {
  const [header, body] = canonicalization.split('/') as ['simple' | 'relaxed', 'simple' | 'relaxed'];
  const wire = text.replace(/(?<!\r)\n/g, '\r\n');
  const cut = wire.startsWith('\r\n') ? 0 : wire.indexOf('\r\n\r\n') + 2;
  const fields = wire
    .slice(0, cut)
    .split(/\r\n(?![ \t])/)
    .filter((field) => field !== '');
  return JSON.stringify([
    fields.map((field) =>
      referenceField(field, header).replace(
        /(b=)[^;]*$/,
        (_, b) => b + field.slice(field.lastIndexOf('b=')).replace(/\s/g, ''),
      ),
    ),
    referenceBody(wire.slice(cut + 2), body, 'octet'),
  ]);
}

describe('mutations', () => {
  it('DKIM-23 never verifies a message of which one octet was changed, added or taken away', async () => {
    for (const canonicalization of canonicalizations) {
      // Ed25519: the whole field is short, and the signature leaves no bit unused but the padding of its base64.
      const field = await signMessage(message, { ...signWithEd25519, canonicalization });
      const signed = withFields(field, message);
      const original = covered(signed.toString('latin1'), canonicalization);
      const mutants: Buffer[] = [];
      for (let at = 0; at < signed.length; at++) {
        for (const bit of [1, 32, 128]) {
          const mutant = Buffer.from(signed);
          mutant[at]! ^= bit;
          mutants.push(mutant);
        }
        mutants.push(Buffer.concat([signed.subarray(0, at), signed.subarray(at + 1)]));
        mutants.push(Buffer.concat([signed.subarray(0, at), octets('x'), signed.subarray(at)]));
      }
      let equivalent = 0;
      for (const mutant of mutants) {
        const { status } = await verifyMessage(mutant, { resolveTxt });
        if (status !== 'pass') continue;
        equivalent++;
        expect(
          covered(mutant.toString('latin1'), canonicalization),
          JSON.stringify(mutant.toString('latin1')),
        ).toBe(original);
      }
      // Only white space that canonicalisation removes, the case of a name, and a CR lost before its LF.
      expect(equivalent).toBeLessThan(mutants.length / 20);
    }
  }, 30_000);

  it('DKIM-21 DKIM-60 DKIM-23 never throws on a changed key record, nor verifies with a changed key', async () => {
    const signed = withFields(await signMessage(message, signWithRsa), message);
    const record = octets(rsa.dnsRecord);
    const keyAt = rsa.dnsRecord.indexOf('p=') + 2;
    for (let at = 0; at < record.length; at++) {
      for (const bit of [1, 32, 128]) {
        const mutant = Buffer.from(record);
        mutant[at]! ^= bit;
        const { signatures } = await verifyMessage(signed, {
          resolveTxt: async () => [[mutant.toString('latin1')]],
        });
        if (at >= keyAt) expect(signatures[0]!.status, `${at} ${bit}`).not.toBe('pass');
      }
    }
  }, 30_000);

  it('ARC-01 never verifies a chain of which one octet was changed', async () => {
    const sealOne = async (input: Buffer) =>
      withFields(
        (
          await sealMessage(input, {
            signature: { ...signWithEd25519, canonicalization: 'simple/simple' },
            authservId: 'mx.example.org',
            results: [],
            verification: { resolveTxt },
          })
        ).fields,
        input,
      );
    const sealed = await sealOne(await sealOne(message));
    const original = covered(sealed.toString('latin1'), 'relaxed/simple');
    for (let at = 0; at < sealed.length; at++) {
      const mutant = Buffer.from(sealed);
      mutant[at]! ^= 1;
      const { status } = await verifyArc(mutant, { resolveTxt });
      if (status === 'pass') expect(covered(mutant.toString('latin1'), 'relaxed/simple')).toBe(original);
    }
  }, 30_000);
});

const onlyOurErrors = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    expect(DkimError.isInstance(error)).toBe(true);
  }
};

/** Text of the characters that the grammars are made of. */
const grammar = (pieces: string[]) =>
  fc
    .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 4 })), { maxLength: 40 })
    .map((parts) => parts.join(''));

describe('garbage', () => {
  it('gives only our errors from the parsers', () => {
    const tags = grammar([
      ';',
      '=',
      ' ',
      '\r\n ',
      'v=1',
      'p=',
      'k=rsa',
      'k=ed25519',
      't=s',
      'AAAA',
      'h=',
      'b=',
      ':',
    ]);
    fc.assert(fc.property(tags, (text) => onlyOurErrors(() => parseTagList(text))));
    fc.assert(fc.property(tags, (text) => onlyOurErrors(() => parseKeyRecord(text))));
    const results = grammar([
      ';',
      '=',
      ' ',
      '(',
      ')',
      '"',
      '\\',
      'dkim',
      'pass',
      'none',
      '.',
      '/',
      '1',
      'reason=',
      'header',
    ]);
    fc.assert(fc.property(results, (text) => onlyOurErrors(() => parseAuthenticationResults(text))));
  });

  it('DKIM-21 DKIM-60 gives results from verification, whatever the message', async () => {
    const field = grammar([
      'v=1;',
      'a=rsa-sha256;',
      'd=example.com;',
      's=rsa;',
      'h=from:to;',
      'bh=AAAA;',
      'b=AAAA',
      'l=3;',
      'x=1;',
      'i=@a;',
      'cv=none;',
      'i=1;',
      'q=',
      'z=',
      ';',
      '=',
    ]);
    const name = fc.constantFrom(
      'DKIM-Signature',
      'ARC-Seal',
      'ARC-Message-Signature',
      'ARC-Authentication-Results',
      'From',
      'X',
    );
    const header = fc
      .array(fc.tuple(name, field), { maxLength: 6 })
      .map((fields) => fields.map((one) => `${one[0]}: ${one[1]}\r\n`).join(''));
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array({ maxLength: 100 }), async (text, body) => {
        const input = Buffer.concat([Buffer.from(text), body]);
        expect(['none', 'fail', 'permerror', 'policy', 'neutral']).toContain(
          (await verifyMessage(input, { resolveTxt })).status,
        );
        expect(['none', 'fail']).toContain((await verifyArc(input, { resolveTxt })).status);
      }),
      { numRuns: 300 },
    );
  });

  it('DKIM-32 verifies what it signed, whatever octets the body has', async () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      grammar(['\r', '\n', '\r\n', ' ', '\t', '\0', '.']).map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(
        body,
        fc.constantFrom(...canonicalizations),
        async (octetsOfBody, canonicalization) => {
          const input = Buffer.concat([octets('From: a@example.com\r\n\r\n'), octetsOfBody]);
          const field = await signMessage(input, { ...signWithEd25519, canonicalization });
          const { status } = await verifyMessage(withFields(field, toCrlf(input)), { resolveTxt });
          expect(status).toBe('pass');
        },
      ),
      { numRuns: 500 },
    );
  });
});
