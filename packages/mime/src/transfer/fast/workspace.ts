/** Memory, and the function that reads its input from it and writes its output to it. */
export type Workspace<Run> = readonly [memory: Uint8Array, run: Run];

/** Size of a workspace in octets: two pages of WebAssembly, small enough for a processor's cache. */
const WORKSPACE_OCTETS = 131_072;

/**
 * Creates a workspace for an encoder in JavaScript.
 *
 * @param scalar  Returns the function that works on the given memory.
 */
export function scalarWorkspace<Run>(scalar: (memory: Uint8Array) => Run): Workspace<Run> {
  const memory = new Uint8Array(WORKSPACE_OCTETS);
  return [memory, scalar(memory)];
}
