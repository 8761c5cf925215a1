/**
 * Finds source files over 400 lines and functions over 60 lines that do not say why.
 *
 * The reason is a sentence that begins with `Long because`, in the comment in front of the function, or anywhere in the
 * file before its first 100 lines end. Tests, benches and generated files are not checked.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import ts from 'typescript';

const mostFileLines = 400;
const mostFunctionLines = 60;
const reason = /Long because/;
/** Generated from other sources, or the same in all packages. */
const generated = /client\/api\.ts$|flag-values\.ts$/;

const files = execFileSync('git', ['ls-files', 'packages/*/src/**/*.ts', 'packages/*/src/*.ts'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && !/\.test\.ts$|\/conformance\//.test(file) && !generated.test(file));

const problems = files.flatMap((file) => {
  const text = readFileSync(file, 'utf8');
  const lines = text.split('\n');
  const long = lines.length - 1 > mostFileLines && !reason.test(lines.slice(0, 100).join('\n'));
  return [
    ...(long ? [`${file}: ${lines.length - 1} lines`] : []),
    ...longFunctions(file, text).map(
      ({ name, line, count }) => `${file}:${line}: ${name} has ${count} lines`,
    ),
  ];
});

function longFunctions(file: string, text: string) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: { readonly name: string; readonly line: number; readonly count: number }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const body: ts.Node = node.body as ts.Node;
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      const count = source.getLineAndCharacterOfPosition(body.end).line + 2 - line;
      if (count > mostFunctionLines && !reason.test(commentOf(node, text))) {
        found.push({ name: node.name?.getText(source) ?? 'a function', line, count });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The text from the end of what is before a node to its body. */
function commentOf(node: ts.Node, text: string): string {
  return text.slice(node.getFullStart(), node.getStart() + 200);
}

for (const problem of problems) console.error(problem);
console.log(`${files.length} files, ${problems.length} too long without a reason`);
if (problems.length > 0) process.exitCode = 1;
