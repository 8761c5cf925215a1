import { openWorkspace, quotedPrintableBlock } from '#vectors';
import { scalarWorkspace, type Workspace } from './workspace.ts';

export const CR = 13;
export const LF = 10;
export const SPACE = 32;
const TAB = 9;
export const EQUALS = 61;

/** RFC 2045 §6.7 rule 5: 76 characters with the `=` of the soft line break. */
const LINE_ROOM = 75;
/** Octets of content that a block takes at most; 25 of them become up to 78. */
const BLOCK_OCTETS = 30_720;
/** Where the output of a block begins. The octet before it is never written, so there is no blank. */
const OUTPUT_AT = 30_784;

/**
 * Encodes the content from 0 to `end`, where there is a CR that is not read, and writes what it becomes at `to`.
 *
 * @param full  Where the line that goes on at `to` would be full, soft break aside.
 * @param breaks  From here on CR, LF and CRLF are line breaks; those before are escaped.
 * @returns Where the output ends, times 128, plus the characters that the line still takes.
 */
type EncodeBlock = (end: number, to: number, full: number, breaks: number) => number;

/** How an encoder takes line breaks: `text` writes CR, LF and CRLF as CRLF, `binary` writes them as `=0D` and `=0A`. */
export type QuotedPrintableMode = 'text' | 'binary';

/** What an encoder knows between two blocks. */
export interface EncoderState {
  readonly mode: QuotedPrintableMode;
  /** Characters that the line still takes. */
  room: number;
  /** A blank, a CR or both at the end of the last block, whose writing depends on what follows. */
  held: ArrayLike<number>;
}

/** @param input  Decides where no mode is given: a string is text, octets come back exactly. */
export function startOf(mode: QuotedPrintableMode | undefined, input?: string | Uint8Array): EncoderState {
  return { mode: mode ?? (typeof input === 'string' ? 'text' : 'binary'), room: LINE_ROOM, held: [] };
}

const utf8 = /* @__PURE__ */ new TextEncoder();
let workspace: Workspace<EncodeBlock> | undefined;

/**
 * Encodes a text or octets block by block.
 *
 * @param final  Nothing follows, so the end is the end of a line.
 * @param take  Gets the output, which stays only while it runs; it does not encode.
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
    // The end of all content is like the end of a line, whose CRLF is left out.
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

/** The character code of a hexadecimal digit, upper-case (RFC 2045 §6.7 rule 1). */
export function hexDigit(value: number): number {
  return value + (value > 9 ? 55 : 48);
}

/** quoted-printable-block.wat in JavaScript. */
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
          // RFC 2045 §6.7 rule 3: a blank before a line break is escaped, so back to it.
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
        memory[o++] = EQUALS; // RFC 2045 §6.7 rule 5: what had no room is looked at again
      }
      memory[o++] = CR;
      memory[o++] = LF;
      full = o + LINE_ROOM;
    }
    return (o << 7) | (full - o);
  };
}
