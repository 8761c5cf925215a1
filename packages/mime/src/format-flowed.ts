import { checkOptions, checkText, flag, type OptionTable } from './argument.ts';

/** Options of {@link decodeFlowed}. */
export interface FlowedOptions {
  /** Whether the part has `delsp=yes`, so that the space before a soft line break is removed too; default false. */
  readonly delSp?: boolean | undefined;
}

/** The checks of {@link FlowedOptions}. */
export const flowedOptions = { delSp: flag } satisfies OptionTable<FlowedOptions>;

/**
 * Joins the lines of a text that was sent with `format=flowed` (RFC 3676 §4).
 *
 * Soft line breaks and stuffed spaces are removed. A joined line has its quote marks once. The signature separator
 * `-- ` keeps its own line.
 *
 * @param text  The text of the part, with CRLF or LF line ends.
 * @returns The text with LF line ends.
 * @throws {MimeError} MB_MIME_OPTION for anything but a string, and for invalid options.
 * @example decodeFlowed('one \r\ntwo\r\n') // 'one two\n'
 */
export function decodeFlowed(text: string, options: FlowedOptions = {}): string {
  checkText(text, 'decodeFlowed: text');
  checkOptions(options, flowedOptions, 'decodeFlowed: options');
  return joinFlowed(text, options.delSp === true);
}

/** {@link decodeFlowed} for arguments that were checked. */
export function joinFlowed(text: string, delSp: boolean): string {
  const lines: string[] = [];
  let open: { depth: number; pieces: string[] } | undefined;
  const close = () => {
    if (open !== undefined) lines.push(quote(open.depth) + open.pieces.join(''));
    open = undefined;
  };
  for (const line of text.split(/\r?\n/)) {
    let depth = 0;
    while (line[depth] === '>') depth += 1;
    let content = line.slice(depth);
    if (content.startsWith(' ')) content = content.slice(1); // RFC 3676 §4.4: space-stuffing
    // A change of quote depth ends the paragraph (§4.5), and so does the signature separator (§4.3).
    const separator = content === '-- ';
    if (open !== undefined && (open.depth !== depth || separator)) close();
    const soft = content.endsWith(' ') && !separator;
    open ??= { depth, pieces: [] };
    open.pieces.push(soft && delSp ? content.slice(0, -1) : content);
    if (!soft) close();
  }
  close();
  return lines.join('\n');
}

function quote(depth: number): string {
  return depth === 0 ? '' : `${'>'.repeat(depth)} `;
}
