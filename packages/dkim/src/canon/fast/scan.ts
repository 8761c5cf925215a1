import { Buffer } from 'node:buffer';
import type { Canonicalization } from '../canonicalization.ts';

/** Maximum size of a block for {@link loadBlock}. */
export const blockBytes = 65_536;

/** The part of the WebAssembly interface used here; TypeScript has its types only in the DOM library. */
interface WebAssemblyGlobal {
  readonly Module: new (octets: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: ScanExports };
}

interface ScanExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  canonicalUpTo(from: number, to: number, relaxed: number): number;
}

/** scan.wat, assembled; scan.test.ts compares the two. */
const assembled =
  'AGFzbQEAAAABCAFgA39/fwF/AwIBAAUDAQACBxoCBm1lbW9yeQIADWNhbm9uaWNhbFVwVG8AAAqTAQGQAQEEeyAC/Q8hBgJAA0AgACABTw0B' +
  'IAD9AAQAIQMgBCAD/Q0PEBESExQVFhcYGRobHB0eIQUgA0EK/Q/9IyAFQQ39D/0j/VEgBiADQQn9D/0jIAVBIP0P/SMgA0Eg/Q/9IyADQQ39' +
  'D/0j/VD9Tv1Q/U79UP1TDQEgAyEEIABBEGohAAwACwsgACABIAAgAUkbCw==';

const scanner = instantiate();
const memory = scanner && new Uint8Array(scanner.memory.buffer);

/** Undefined if the runtime has no WebAssembly with 128-bit vectors; the canonicaliser then reads octet by octet. */
function instantiate(): ScanExports | undefined {
  const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyGlobal };
  try {
    return (
      WebAssembly &&
      new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(assembled, 'base64'))).exports
    );
  } catch {
    return undefined;
  }
}

/**
 * Loads the block that {@link canonicalUpTo} reads.
 *
 * @param block  At most {@link blockBytes} octets.
 */
export function loadBlock(block: Uint8Array): void {
  memory?.set(block);
}

/**
 * Returns an offset up to which the loaded block is canonical, except for a gap at the end of that part.
 *
 * The offset may be too small, but is never too large.
 *
 * @param from  Offset of a content octet.
 * @param to  Length of the block.
 */
export function canonicalUpTo(from: number, to: number, algorithm: Canonicalization): number {
  return scanner === undefined ? from : scanner.canonicalUpTo(from, to, algorithm === 'relaxed' ? -1 : 0);
}
