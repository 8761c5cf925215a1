/** Memory, and the function that finds its input there and leaves its output. */
export type Workspace<Run> = readonly [memory: Uint8Array, run: Run];

/** Octets of a workspace: two pages of WebAssembly, small enough for a processor's cache. */
const WORKSPACE_OCTETS = 131_072;

/**
 * Makes a workspace in JavaScript.
 *
 * @param scalar  Makes the function that works on the memory it gets.
 */
export function scalarWorkspace<Run>(scalar: (memory: Uint8Array) => Run): Workspace<Run> {
  const memory = new Uint8Array(WORKSPACE_OCTETS);
  return [memory, scalar(memory)];
}
