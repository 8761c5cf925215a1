/** The part of the WebAssembly interface used here; the language's own types come with a browser's library only. */
declare const WebAssembly: {
  readonly Module: new (octets: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** Memory, and the function that finds its input there and leaves its output. */
export type Workspace<Run> = readonly [memory: Uint8Array, run: Run];

interface Exports<Run> {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly run: Run;
}

/** Octets of a workspace: two pages of WebAssembly, small enough for a processor's cache. */
const WORKSPACE_OCTETS = 131_072;

/**
 * Makes a workspace of an assembled WebAssembly module that exports `memory` and `run`; where the runtime has none with
 * 128-bit vectors, or a content security policy forbids it, of JavaScript that does the same.
 *
 * @param assembled  The module in base64.
 * @param scalar  Makes the function in JavaScript that works on the memory it gets.
 */
export function createWorkspace<Run>(assembled: string, scalar: (memory: Uint8Array) => Run): Workspace<Run> {
  try {
    const octets = Uint8Array.from(atob(assembled), (letter) => letter.charCodeAt(0));
    const instance = new WebAssembly.Instance(new WebAssembly.Module(octets));
    const { memory, run } = instance.exports as Exports<Run>;
    return [new Uint8Array(memory.buffer), run];
  } catch {
    const memory = new Uint8Array(WORKSPACE_OCTETS);
    return [memory, scalar(memory)];
  }
}
