import fc from 'fast-check';

/** A part of a generated message. */
export interface TreeLeaf {
  readonly type: string;
  /** A word that is only in this part. */
  readonly word: string;
  readonly disposition: string;
  readonly encoding: string;
}

export interface TreeBranch {
  readonly type: string;
  readonly parts: readonly Tree[];
}

export type Tree = TreeLeaf | TreeBranch;

const named = (type: string) => fc.constantFrom(type, `${type}; charset=utf-8`, `${type}; name="n.txt"`);

const leafType = fc.oneof(
  { weight: 5, arbitrary: named('text/plain') },
  { weight: 5, arbitrary: named('text/html') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'image/png; name=x.png',
      'image/gif',
      'application/pdf',
      'text/calendar',
      'text/csv',
    ),
  },
);

const disposition = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  { weight: 2, arbitrary: fc.constantFrom('inline', 'inline; filename="n.txt"') },
  { weight: 1, arbitrary: fc.constantFrom('attachment', 'attachment; filename="n.txt"') },
);

const leaf = fc.record({
  type: leafType,
  disposition,
  encoding: fc.constantFrom('', '7bit', 'base64', 'quoted-printable'),
});

/** Trees of up to four levels, as senders and gateways build them; the words are counted through. */
const tree = fc.letrec<{ node: unknown; branch: unknown }>((tie) => ({
  node: fc.oneof({ maxDepth: 3 }, { weight: 3, arbitrary: leaf }, { weight: 2, arbitrary: tie('branch') }),
  branch: fc.record({
    type: fc.constantFrom('multipart/mixed', 'multipart/alternative', 'multipart/related'),
    parts: fc.array(tie('node'), { minLength: 1, maxLength: 4 }),
  }),
}));

/** The same trees for the same seed. */
export function generateTrees(count: number, seed: number): Tree[] {
  const branches = fc.sample(tree.branch, { numRuns: count, seed }) as Tree[];
  return branches.map((branch) => {
    let words = 0;
    const number = (one: Tree): Tree =>
      'parts' in one ? { ...one, parts: one.parts.map(number) } : { ...one, word: `w${++words}x` };
    return number(branch);
  });
}

/** What a damage does to the lines of a message. */
export type Damage = (lines: readonly string[]) => readonly string[];

export const DAMAGES: Readonly<Record<string, Damage>> = {
  'no last dashes': (lines) => lines.map((line) => (/^--b\d+--$/.test(line) ? line.slice(0, -2) : line)),
  'no last delimiters': (lines) => lines.filter((line) => !/^--b\d+--$/.test(line)),
  'no empty line before the first delimiter': (lines) =>
    lines.filter(
      (line, index) => line !== '' || !/^--b\d+$/.test(lines[index + 1] ?? '') || !isHeader(lines, index),
    ),
  'blanks around slashes': (lines) =>
    lines.map((line) => line.replace(/^(Content-Type: text)\/(\w+)/, '$1 / $2')),
  'comments before encodings': (lines) =>
    lines.map((line) => line.replace(/^(Content-Transfer-Encoding: )/, '$1(c) ')),
  'comments after encodings': (lines) =>
    lines.map((line) => line.replace(/^(Content-Transfer-Encoding: .*)/, '$1 (c)')),
  'blanks after delimiters': (lines) => lines.map((line) => (/^--b\d+/.test(line) ? `${line} \t` : line)),
  'text around the parts': (lines) =>
    lines.flatMap((line) => (/^--b\d+--$/.test(line) ? [line, 'epilogue'] : [line])),
  'upper case': (lines) =>
    lines.map((line) =>
      line.startsWith('Content-') ? line.replace(/^[^;]*/, (all) => all.toUpperCase()) : line,
    ),
  'types without semicolon': (lines) =>
    lines.map((line) => line.replace(/^(Content-Type: text\/\w+); /, '$1 ')),
};

/** Whether the line at `index` ends a header. */
function isHeader(lines: readonly string[], index: number): boolean {
  return /^(?:Content-|MIME-)/.test(lines[index - 1] ?? '');
}

/** Writes the message of a tree, damaged or not. */
export function writeTree(root: Tree, damage: Damage = (lines) => lines): Buffer {
  let boundaries = 0;
  const write = (one: Tree): string[] => {
    if (!('parts' in one)) {
      const text = one.type.startsWith('text/html') ? `<p>${one.word}</p>` : one.word;
      const content = one.encoding === 'base64' ? Buffer.from(`${text}\r\n`).toString('base64') : text;
      return [
        `Content-Type: ${one.type}`,
        ...(one.disposition === '' ? [] : [`Content-Disposition: ${one.disposition}`]),
        ...(one.encoding === '' ? [] : [`Content-Transfer-Encoding: ${one.encoding}`]),
        '',
        content,
      ];
    }
    const boundary = `b${++boundaries}`;
    return [
      `Content-Type: ${one.type}; boundary=${boundary}`,
      '',
      ...one.parts.flatMap((part) => [`--${boundary}`, ...write(part)]),
      `--${boundary}--`,
    ];
  };
  const header = [
    'From: a@example.com',
    'Date: Thu, 01 Jan 2026 00:00:00 +0000',
    'Message-ID: <1@example.com>',
    'MIME-Version: 1.0',
  ];
  return Buffer.from(`${damage([...header, ...write(root)]).join('\r\n')}\r\n`, 'latin1');
}

/** The leaves of a tree with the multipart that each is in. */
export function leavesOf(
  root: Tree,
): { leaf: TreeLeaf; parent: string; first: boolean; path: readonly string[] }[] {
  const found: { leaf: TreeLeaf; parent: string; first: boolean; path: readonly string[] }[] = [];
  const visit = (one: Tree, path: readonly string[], first: boolean) => {
    if ('parts' in one)
      for (const [index, part] of one.parts.entries()) visit(part, [...path, one.type], index === 0);
    else found.push({ leaf: one, parent: path.at(-1) ?? '', first, path });
  };
  visit(root, [], true);
  return found;
}
