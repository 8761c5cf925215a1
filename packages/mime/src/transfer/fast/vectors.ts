/*
 * `#vectors` for servers and other runtimes that do not use the export condition `browser`: the encoders run in
 * WebAssembly where it is allowed.
 */
import type { Workspace } from './workspace.ts';

/** base64-lines.wat, assembled; vectors.test.ts compares the two. */
export const base64Lines =
  'AGFzbQEAAAABBwFgA39/fwADAgEABQMBAAIHEAIGbWVtb3J5AgADcnVuAAAK/wEB/AECBH8Je/0MAgEBAAUEBAMIBwcGCwoKCSEJQcCfwB/9ESEK' +
  'QYCIwAD9ESELQYCAgPgD/REhDP0MQUf8/Pz8/Pz8/Pz87fAAACENQTP9DyEOQRn9DyEPIAJBA25BAnQhBQNAIAMgAmohBCAEIABLBEAgACEECyAB' +
  'IQYDQCAD/QAEACAJ/Q4hByAHQRr9rQEgB0EY/asBIAz9Tv1QIAcgCv1OIAv9ugH9UCEIIAYgCCANIAggDv1zIAggD/0n/XH9Dv1u/QsEACAGQRBq' +
  'IQYgA0EMaiEDIAMgBEkNAAsgASAFaiIBQY0UOwEAIAFBAmohASAEIQMgAyAASQ0ACws=';

/** quoted-printable-block.wat, assembled; vectors.test.ts compares the two. */
export const quotedPrintableBlock =
  'AGFzbQEAAAABCQFgBH9/f38BfwMCAQAFAwEAAgcQAgZtZW1vcnkCAANydW4AAAqGAwGDAwMBfwF7An8DQCABIAT9AAQAIgX9CwQAQYCABCAF' +
  'QT39D/0jIAVB4AD9D/1uQV79D/0nIAVBCf0P/SP9T/1Q/WRyaCIHIAIgAWsiBiAHIAZJGyEHIAQgB2ohBCABIAdqIQEgB0EQRg0AIAQgAEYE' +
  'QCABQQd0IAIgAWtyDwsCQCAEIANPIAQtAAAiB0ENRiAHQQpGcnEEQCABQQFrLQAAIgdBIEcgB0EJR3EEQCAEQQFqIAQvAQBBjRRGaiEEDAIL' +
  'IARBAWshBCABQQFrIQELIAIgAWsiBkEDTwRAIAT9AAQAIgX9ZEEecUE+c0EBIAZBA250cmghByAB/QwwMTIzNDU2Nzg5QUJDREVGIAVBBP1t' +
  'IAVBD/0P/U79DQAQARECEgMTBBQFFQYWBxf9DkE9/Q/9DRAAARACAxAEBRAGBxAICRD9CwQAIAQgB2ohBCABIAdBA2xqIQEMAgsgAUE9OgAA' +
  'IAFBAWohAQsgAUGNFDsBACABQQJqIgFBywBqIQIMAAsACw==';

/** The part of the WebAssembly interface that is used; TypeScript declares it only in its library for browsers. */
declare const WebAssembly: {
  readonly Module: new (octets: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

interface Exports<Run> {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly run: Run;
}

/**
 * Creates a workspace from a WebAssembly module that exports `memory` and `run`.
 *
 * @param assembled  The module in base64.
 * @returns The workspace; undefined if the runtime has no 128-bit vectors, or if a policy forbids WebAssembly.
 */
export function openWorkspace<Run>(assembled: string): Workspace<Run> | undefined {
  try {
    const octets = Uint8Array.from(atob(assembled), (letter) => letter.charCodeAt(0));
    const instance = new WebAssembly.Instance(new WebAssembly.Module(octets));
    const { memory, run } = instance.exports as Exports<Run>;
    return [new Uint8Array(memory.buffer), run];
  } catch {
    return undefined;
  }
}
