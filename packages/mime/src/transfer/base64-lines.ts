import { createWorkspace, type Workspace } from './vector-module.ts';

export const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const CR = 13;
const LF = 10;

/** Octets of content in a block: 765 lines of 57. In lines of 3, the shortest, they become twice as many. */
export const BLOCK_OCTETS = 43_605;
/** Where the lines of a block begin; the octets between are the two of 0 at its end and what a wide load reads. */
export const LINES_AT = BLOCK_OCTETS + 32;

/**
 * Writes the content from 0 to `end` as lines at `to`, each with its CRLF. Two octets of 0 stand at `end`; letters that
 * they alone make are the padding's place.
 */
export type EncodeLines = (end: number, to: number, lineOctets: number) => void;

/** base64-lines.wat, assembled; vector-module.test.ts holds the two against each other. */
const assembled =
  'AGFzbQEAAAABBwFgA39/fwADAgEABQMBAAIHEAIGbWVtb3J5AgADcnVuAAAK8gEB7wECAn8CewNAIAMgAmohBCAEIABLBEAgACEECwNAIAP9' +
  'AAQAIQUgBSAF/Q0BAAIBBAMFBAcGCAcKCQsKIQUgBUGA+AP9Ef1OQQr9rQEgBUGAgID+AP0R/U5BBv2tAf1QIAVB8If8Af0R/U5BkICACP0R' +
  '/ZUB/VAhBiABIAb9DEf8/Pz8/Pz8/Pz87fBBAAAgBkEz/Q/9cyAGQRr9D/0mQQ39D/1O/VD9Dv1u/QsEACABQRBqIQEgA0EMaiEDIAMgBEkN' +
  'AAsgASADIARrQQNuQQJ0ayEBIAFBjRQ7AQAgAUECaiEBIAQhAyADIABJDQALCw==';

let workspace: Workspace<EncodeLines> | undefined;

/** Where blocks are encoded: one after the other, none across a call of foreign code. */
export function base64Workspace(): Workspace<EncodeLines> {
  workspace ??= createWorkspace(assembled, scalarLines);
  return workspace;
}

/** base64-lines.wat in JavaScript. */
function scalarLines(memory: Uint8Array): EncodeLines {
  return (end, to, lineOctets) => {
    let i = 0;
    let o = to;
    while (i < end) {
      const lineEnd = Math.min(i + lineOctets, end);
      for (; i < lineEnd; i += 3) {
        const group = (memory[i]! << 16) | (memory[i + 1]! << 8) | memory[i + 2]!;
        for (let shift = 18; shift >= 0; shift -= 6) memory[o++] = ALPHABET.charCodeAt((group >> shift) & 63);
      }
      i = lineEnd;
      memory[o++] = CR;
      memory[o++] = LF;
    }
  };
}
