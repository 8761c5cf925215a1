import { describe, expect, it } from 'vitest';
import { octets } from '../../test/fixtures.ts';
import { referenceField } from '../../test/reference.ts';
import { scanHeader } from '../header-scan.ts';
import { canonicalFieldBound, writeCanonicalField } from './header.ts';

function canonicalize(text: string, algorithm: 'simple' | 'relaxed'): string[] {
  const input = octets(text);
  return scanHeader(input).map((field) => {
    const out = Buffer.alloc(canonicalFieldBound(field));
    return out.toString('latin1', 0, writeCanonicalField(input, field, algorithm, out, 0));
  });
}

describe('header canonicalisation', () => {
  it('gives the example of RFC 6376 §3.4.5', () => {
    const header = 'A: X\r\nB : Y\t\r\n\tZ  \r\n';
    expect(canonicalize(header, 'relaxed')).toEqual(['a:X', 'b:Y Z']);
    expect(canonicalize(header, 'simple')).toEqual(['A: X', 'B : Y\t\r\n\tZ  ']);
  });

  it('DKIM-05 keeps 8-bit octets, unfolds at tabs, and takes empty values and a space before the colon', () => {
    const fields = [
      'Subject : caf\xe9 \xc3\xa9\xff',
      'X-Fold:\t a\r\n\tb\r\n  c\t ',
      'X-Empty:',
      'X-Blank: \t ',
      'X-Empty-Fold:\r\n \r\n\tx',
      'SUBJECT\t :  NBSP\xa0\xa0stays',
      'X-Cr: a\rb \r c',
    ];
    expect(canonicalize(`${fields.join('\r\n')}\r\n`, 'relaxed')).toEqual(
      fields.map((one) => referenceField(one, 'relaxed')),
    );
    expect(canonicalize(`${fields.join('\r\n')}\r\n`, 'simple')).toEqual(fields);
    expect(canonicalize(`${fields.join('\r\n')}\r\n`, 'relaxed')[0]).toBe('subject:caf\xe9 \xc3\xa9\xff');
  });
});
