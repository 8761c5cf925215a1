/**
 * Refuses regular expressions in the sources of all packages whose time can grow faster than their input: those with two
 * unbounded repetitions that take the same text, and those that scan again from each position, as the trim `/[ \t]+$/`.
 *
 * Write a scan instead, bound the repetition, or list the expression below with the reason why it is harmless.
 */
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { analyse } from 'scslre';
import ts from 'typescript';

/** File and source of an expression, and why its input cannot make it slow. */
const HARMLESS: Readonly<Record<string, string>> = {
  'packages/mime/src/address-reader.ts':
    'they are sticky or match wherever they begin, and no two repetitions take the same text',
  'packages/mime/src/header-fold.ts':
    'it looks at each run of blanks or backslashes once, at its end or start',
  'packages/mime/src/parameter.ts': 'it matches wherever it begins, so that no text is read twice',
  'packages/mime/src/media-type.ts': 'the repetitions that share text come last and take all that is left',
  'packages/mime/src/date.ts': 'it reads at most 1,000 characters',
  'packages/cli/src/send/message-flags.ts':
    'the repetitions that share text come last and take all that is left',
  'packages/broker/src/delivery/reply-rule.ts':
    'the repetitions that share text come last and take all that is left',
  'packages/testkit/src/smtp/session.ts':
    'the repetitions that share text come last and take all that is left',
};

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly expression: string;
}

function findSlow(file: string): Finding[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: Finding[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node) && isSlow(node.text)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push({ file, line: line + 1, expression: node.text });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isSlow(literal: string): boolean {
  const end = literal.lastIndexOf('/');
  const { reports } = analyse({ source: literal.slice(1, end), flags: literal.slice(end + 1) });
  return reports.length > 0;
}

let files = 0;
const slow: Finding[] = [];
for await (const file of glob('packages/*/src/**/*.ts')) {
  if (file.endsWith('.test.ts')) continue;
  files += 1;
  slow.push(...findSlow(file));
}
const refused = slow.filter(({ file }) => HARMLESS[file] === undefined);
const unused = Object.keys(HARMLESS).filter((file) => !slow.some((one) => one.file === file));
for (const { file, line, expression } of refused) console.error(`${file}:${line} can be slow: ${expression}`);
for (const file of unused) console.error(`${file} is listed as harmless and has nothing that can be slow`);
console.log(`${files} files, ${refused.length + unused.length} problems`);
process.exitCode = refused.length + unused.length > 0 ? 1 : 0;
