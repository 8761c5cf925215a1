import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import * as noVectors from './no-vectors.ts';
import * as vectors from './vectors.ts';

const modules = [
  ['base64-lines', vectors.base64Lines],
  ['quoted-printable-block', vectors.quotedPrintableBlock],
] as const;

describe('a vector module', () => {
  it.each(modules)('%s is its source, assembled', async (name, assembled) => {
    const source = readFileSync(new URL(`./${name}.wat`, import.meta.url), 'utf8');
    const module = (await wabt()).parseWat(`${name}.wat`, source);
    expect(assembled).toBe(Buffer.from(module.toBinary({}).buffer).toString('base64'));
  });

  it('runs where the runtime has vectors, and gives way to JavaScript where it cannot', () => {
    expect(vectors.openWorkspace<unknown>(vectors.base64Lines)?.[1]).toBeInstanceOf(Function);
    expect(vectors.openWorkspace(`${vectors.base64Lines.slice(0, 80)}AAAA`)).toBeUndefined();
  });

  it('is left out for browsers, by the same names', () => {
    expect(Object.keys(noVectors).sort()).toEqual(Object.keys(vectors).sort());
    expect(noVectors.openWorkspace(noVectors.base64Lines)).toBeUndefined();
  });
});
