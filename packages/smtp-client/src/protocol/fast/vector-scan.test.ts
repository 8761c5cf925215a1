import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import wabt from 'wabt';
import { createVectorScan } from './vector-scan.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** The text of a file beside this one. */
const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');

describe('the vector scan', () => {
  it('is vector-scan.wat, assembled', async () => {
    const module = (await wabt()).parseWat('vector-scan.wat', read('./vector-scan.wat'));
    const constant = /const assembled =([^;]+);/.exec(read('./vector-scan.ts'))![1]!;
    const embedded = [...constant.matchAll(/'([^']*)'/g)].map(([, part]) => part).join('');
    expect(embedded).toBe(Buffer.from(module.toBinary({}).buffer).toString('base64'));
  });

  it('runs where the runtime has vectors, and is replaced where it has none or may not use them', () => {
    expect(createVectorScan()).toBeInstanceOf(Function);
    vi.stubGlobal('WebAssembly', undefined);
    expect(createVectorScan()).toBeUndefined();
    const forbidden = class {
      constructor() {
        throw new EvalError('WebAssembly is disallowed by the content security policy');
      }
    };
    vi.stubGlobal('WebAssembly', { Module: forbidden, Instance: forbidden });
    expect(createVectorScan()).toBeUndefined();
  });
});
