/** Columns of the terminal on a stream; 80 when it is none. */
export function terminalWidth(stream: { readonly columns?: number } = process.stdout): number {
  return stream.columns ?? 80;
}

/** Breaks text at spaces so that each line, indented by `indent`, fits; a longer word stays whole. */
export function wrap(text: string, indent: string, width = terminalWidth()): string {
  const room = Math.max(20, width - indent.length);
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > room) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.map((line) => indent + line).join('\n');
}

/** Replaces control characters, lest what a server says drives the terminal. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** `label: text` for standard error, wrapped, with the label in a colour. */
export function labelled(label: string, paint: (text: string) => string, text: string): string {
  const wrapped = wrap(`${label}: ${printable(text)}`, '', terminalWidth(process.stderr));
  return paint(wrapped.slice(0, label.length + 1)) + wrapped.slice(label.length + 1);
}
