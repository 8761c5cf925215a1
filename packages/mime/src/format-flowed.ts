/**
 * Joins the lines of a text that was sent with `format=flowed` (RFC 3676 §4), and never throws.
 *
 * Soft line breaks disappear, stuffed spaces are taken away, quote marks stay one to a joined line; the signature
 * separator `-- ` stays a line.
 *
 * @param text  The text of the part, with CRLF or LF line ends.
 * @param options.delSp  The part says `delsp=yes`: the space before a soft break goes, too.
 * @returns The text with LF line ends.
 * @example decodeFlowed('one \r\ntwo\r\n') // 'one two\n'
 */
export function decodeFlowed(text: string, options?: { readonly delSp?: boolean }): string {
  const delSp = options?.delSp === true;
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
