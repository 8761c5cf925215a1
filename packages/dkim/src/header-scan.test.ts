import { describe, expect, it } from 'vitest';
import { octets } from '../test/fixtures.ts';
import { scanHeader } from './header-scan.ts';

const names = (text: string) => scanHeader(octets(text)).map((field) => field.name);

describe('the header scanner', () => {
  it('finds fields with their octets', () => {
    const header = octets('From: a\r\nX-Long: b\r\n c\r\nTo\t: d');
    const parts = scanHeader(header).map((field) => header.toString('latin1', field.start, field.end));
    expect(parts).toEqual(['From: a', 'X-Long: b\r\n c', 'To\t: d']);
    expect(names(header.toString('latin1'))).toEqual(['from', 'x-long', 'to']);
  });

  it('gives a line that is no field an empty name', () => {
    expect(names('no colon\r\nFrom: a\r\n')).toEqual(['', 'from']);
    expect(names(' continuation of nothing: x\r\nFrom: a\r\n')).toEqual(['', 'from']);
    expect(names(': no name\r\n')).toEqual(['']);
    expect(names('two words: x\r\n')).toEqual(['']);
    expect(names('caf\xe9: x\r\n')).toEqual(['']);
  });

  it('reads nothing from nothing', () => {
    expect(names('')).toEqual([]);
  });
});
