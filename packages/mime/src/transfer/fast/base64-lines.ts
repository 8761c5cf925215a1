import { base64Lines, openWorkspace } from '#vectors';
import { scalarWorkspace, type Workspace } from './workspace.ts';

export const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const CR = 13;
const LF = 10;
const PAD = 61;
/** RFC 2045 §6.8: characters in a line. */
export const LINE_LENGTH = 76;

/** Octets of content in a block: 765 lines of 57. With the shortest lines, of 3 octets, the output is twice as long. */
const BLOCK_OCTETS = 43_605;
/** Offset of the output. After a full block, there is room for two zeros and for what a vector load reads beyond. */
const LINES_AT = 43_637;

/**
 * Encodes the content from 0 to `end` as lines at `to`, each with a CRLF. Two zero octets follow the content; the
 * caller overwrites the letters that encode only these with padding.
 */
type EncodeLines = (end: number, to: number, lineOctets: number) => void;

let workspace: Workspace<EncodeLines> | undefined;

/** Returns the number of octets that {@link encodeBlocks} writes for `length` octets of content. */
export function base64Length(length: number, lineLength: number = LINE_LENGTH): number {
  const characters = Math.ceil(length / 3) * 4;
  if (characters === 0 || lineLength === 0) return characters;
  return characters + (Math.ceil(characters / lineLength) - 1) * 2;
}

/**
 * Encodes in base64, block by block, in lines with CRLF between them.
 *
 * @param lineLength  Characters per line, a multiple of 4; 0 means one line.
 * @param take  Called with the lines of each block, which are valid only during the call; must not encode itself.
 */
export function encodeBlocks(input: Uint8Array, lineLength: number, take: (lines: Uint8Array) => void): void {
  workspace ??= openWorkspace<EncodeLines>(base64Lines) ?? scalarWorkspace(scalarLines);
  const [memory, run] = workspace;
  const lineOctets = lineLength === 0 ? BLOCK_OCTETS : (lineLength / 4) * 3;
  const blockOctets = BLOCK_OCTETS - (BLOCK_OCTETS % lineOctets);
  for (let at = 0; at < input.length; at += blockOctets) {
    const block = input.length > blockOctets ? input.subarray(at, at + blockOctets) : input;
    const { length } = block;
    memory.set(block);
    memory[length] = 0;
    memory[length + 1] = 0;
    run(length, LINES_AT, lineOctets);
    let end = LINES_AT + base64Length(length, lineLength);
    if (length % 3 > 0) memory[end - 1] = PAD;
    if (length % 3 === 1) memory[end - 2] = PAD;
    if (lineLength > 0 && at + blockOctets < input.length) end += 2; // CRLF, since more lines follow
    take(memory.subarray(LINES_AT, end));
  }
}

/** The JavaScript version of base64-lines.wat. */
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
