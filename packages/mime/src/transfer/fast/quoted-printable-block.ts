import { openWorkspace, quotedPrintableBlock } from '#vectors';
import { scalarWorkspace, type Workspace } from './workspace.ts';

export const CR = 13;
export const LF = 10;
export const SPACE = 32;
const TAB = 9;
export const EQUALS = 61;

/** RFC 2045 §6.7 rule 5: 76 characters with the `=` of the soft line break. */
const LINE_ROOM = 75;
/** Maximum octets of content in a block; 25 of them become up to 78. */
const BLOCK_OCTETS = 30_720;
/** Offset of the output of a block. The octet before it is never written, so it is not a blank. */
const OUTPUT_AT = 30_784;

/**
 * Encodes the content from 0 to `end` and writes the output at `to`. The octet at `end` is a CR and is not encoded.
 *
 * @param full  Offset at which the current line is full, except for a soft line break.
 * @param breaks  Offset from which CR, LF and CRLF are line breaks; before it, they are escaped.
 * @returns The offset after the output, times 128, plus the number of characters left in the line.
 */
type EncodeBlock = (end: number, to: number, full: number, breaks: number) => number;

/** How line breaks are encoded: `text` writes CR, LF and CRLF as CRLF, `binary` writes CR and LF as `=0D` and `=0A`. */
export type QuotedPrintableMode = 'text' | 'binary';

/** The state of an encoder between two blocks. */
export interface EncoderState {
  readonly mode: QuotedPrintableMode;
  /** Number of characters left in the current line. */
  room: number;
  /** A blank, a CR or both at the end of the last block, whose encoding depends on the next octet. */
  held: ArrayLike<number>;
}

/** Returns the initial state. Without a mode, it is `text` for a string and `binary` for octets. */
export function startOf(mode: QuotedPrintableMode | undefined, input?: string | Uint8Array): EncoderState {
  return { mode: mode ?? (typeof input === 'string' ? 'text' : 'binary'), room: LINE_ROOM, held: [] };
}

const utf8 = /* @__PURE__ */ new TextEncoder();
let workspace: Workspace<EncodeBlock> | undefined;

/**
 * Encodes a text or octets in quoted-printable, block by block.
 *
 * @param final  Whether this is the end of the content, and so of a line.
 * @param take  Called with the output of each block, which is valid only during the call; must not encode itself.
 */
export function encodeBlocks(
  state: EncoderState,
  input: string | Uint8Array,
  final: boolean,
  take: (encoded: Uint8Array) => void,
): void {
  workspace ??= openWorkspace<EncodeBlock>(quotedPrintableBlock) ?? scalarWorkspace(scalarBlock);
  const [memory, run] = workspace;
  const text = state.mode === 'text';
  let at = 0;
  do {
    memory.set(state.held);
    let filled = state.held.length;
    const free = memory.subarray(filled, BLOCK_OCTETS);
    if (typeof input === 'string') {
      const { read, written } = utf8.encodeInto(input.slice(at), free);
      at += read;
      filled += written;
    } else {
      const part = input.subarray(at, at + free.length);
      free.set(part);
      at += part.length;
      filled += part.length;
    }
    // The end of the content is encoded as a line end, and the CRLF is removed from the output.
    const last = final && at >= input.length ? 1 : 0;
    let end = filled;
    if (last === 0) {
      if (text && memory[end - 1] === CR) end -= 1;
      if (isBlank(memory[end - 1])) end -= 1;
    }
    state.held = memory.slice(end, filled);
    memory.fill(CR, end, filled + 2);
    const result = run(end + last, OUTPUT_AT, OUTPUT_AT + state.room, text ? 0 : end) - last * (2 << 7);
    state.room = result & 127;
    take(memory.subarray(OUTPUT_AT, result >> 7));
  } while (at < input.length);
}

export function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

/** Returns the character code of an upper-case hexadecimal digit (RFC 2045 §6.7 rule 1). */
export function hexDigit(value: number): number {
  return value + (value > 9 ? 55 : 48);
}

/** The JavaScript version of quoted-printable-block.wat. */
function scalarBlock(memory: Uint8Array): EncodeBlock {
  return (end, to, lineFull, breaks) => {
    let i = 0;
    let o = to;
    let full = lineFull;
    while (i < end) {
      let octet = memory[i]!;
      const lineBreak = i >= breaks && (octet === CR || octet === LF);
      if (lineBreak && !isBlank(memory[o - 1]!)) i += octet === CR && memory[i + 1] === LF ? 2 : 1;
      else {
        if (lineBreak) {
          // RFC 2045 §6.7 rule 3: a blank before a line break is escaped; go back to it.
          octet = memory[--o]!;
          i -= 1;
        }
        const literal = !lineBreak && (isBlank(octet) || (octet > SPACE && octet < 127 && octet !== EQUALS));
        if (o + (literal ? 1 : 3) <= full) {
          memory[o++] = literal ? octet : EQUALS;
          if (!literal) {
            // RFC 2045 §6.7 rule 1
            memory[o++] = hexDigit(octet >> 4);
            memory[o++] = hexDigit(octet & 15);
          }
          i += 1;
          continue;
        }
        memory[o++] = EQUALS; // RFC 2045 §6.7 rule 5; the octet that did not fit is encoded next
      }
      memory[o++] = CR;
      memory[o++] = LF;
      full = o + LINE_ROOM;
    }
    return (o << 7) | (full - o);
  };
}
