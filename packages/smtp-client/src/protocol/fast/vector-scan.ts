import { type Findings, mostDots } from './word-scan.ts';

/** The part of the WebAssembly interface used here; TypeScript has its types only in the DOM library. */
declare const WebAssembly: {
  readonly Module: new (octets: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly run: (end: number) => void;
}

const LF = 10;
/** Octets per run; a multiple of 16. */
const BLOCK_OCTETS = 16_384;
/** Layout of the memory, in octets. */
const BEFORE_AT = 15;
const BLOCK_AT = 16;
/** The same in words of four octets. */
const LACKING = 0;
const HIGH_BITS = 1;
const DOTS = 2;
const DOTS_AT = (BLOCK_AT + BLOCK_OCTETS + 16) / 4;

/** vector-scan.wat, assembled; vector-scan.test.ts compares the two. */
const assembled =
  'AGFzbQEAAAABBQFgAX8AAwIBAAUDAQABBxACBm1lbW9yeQIAA3J1bgAACrIBAa8BAgR/B3tBDf0PIQlBCv0PIQpBLv0PIQsDQCAB/QAEECEFIAH9' +
  'AAQPIQYgCCAF/VAhCCACIAYgCf0jIgcgBSAK/SP9Uf1kaWohAiAFIAv9IyAHIAYgCv0j/VD9Tv1kIQQgBARAA0AgA0ECdCABIARoajYCoIABIANB' +
  'AWohAyAEIARBAWtxIgQNAAsLIAFBEGoiASAASQ0AC0EAIAI2AgBBBCAI/WQ2AgBBCCADNgIACw==';

/**
 * Makes a scanner that reads sixteen octets at a time; undefined if the runtime has no WebAssembly with 128-bit vectors,
 * or a content security policy forbids it.
 */
export function createVectorScan(): ((octets: Uint8Array) => Findings) | undefined {
  let exports: Exports;
  try {
    const module = Uint8Array.from(atob(assembled), (letter) => letter.charCodeAt(0));
    exports = new WebAssembly.Instance(new WebAssembly.Module(module)).exports as Exports;
  } catch {
    return undefined;
  }
  const { memory, run } = exports;
  const block = new Uint8Array(memory.buffer);
  const words = new Int32Array(memory.buffer);
  return (octets) => {
    const { length } = octets;
    const dots: number[] = [];
    let lacking = 0;
    let highBits = 0;
    block[BEFORE_AT] = LF;
    for (let at = 0; ; at += BLOCK_OCTETS) {
      const isLast = length - at <= BLOCK_OCTETS;
      const size = isLast ? length - at : BLOCK_OCTETS;
      block.set(size === length ? octets : octets.subarray(at, at + size), BLOCK_AT);
      const end = BLOCK_AT + size;
      if (isLast) block.fill(0, end, end + 16);
      // The 0 after the content shows whether the content ends in CR.
      run(isLast ? size + 1 : size);
      lacking += words[LACKING]!;
      highBits |= words[HIGH_BITS]!;
      const dotsEnd = DOTS_AT + words[DOTS]!;
      for (let i = DOTS_AT; i < dotsEnd && dots.length <= mostDots; i++) dots.push(at + words[i]!);
      if (isLast) return { lacking, eightBit: highBits !== 0, dots };
      block[BEFORE_AT] = block[end - 1]!;
    }
  };
}
