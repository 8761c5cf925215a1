/**
 * Finds paths in our documents that do not exist: targets of relative links, and paths in backquotes that begin with a
 * folder of the repository. A path with a placeholder (`<name>`, `…`, `*`) is not checked.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Histories and what is generated are left as they are. */
const unchecked = /CHANGELOG\.md$|^docs\/api\/|\/vectors\/|^\.changeset\//;
const rooted = /^(?:packages|docs|scripts|interop|bench|examples|package-tests|\.ci)\/[\w./@-]+$/;
/** Written by a program when it runs. */
const generated = /^(?:docs\/api|bench\/results)\b|\/dist\//;

const documents = execFileSync('git', ['ls-files', '*.md'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(file) && !unchecked.test(file));
const problems: string[] = [];
let paths = 0;

function check(document: string, line: number, path: string): void {
  if (generated.test(path)) return;
  paths += 1;
  if (!existsSync(path)) problems.push(`${document}:${line}: there is no ${path}`);
}

for (const document of documents) {
  for (const [index, line] of readFileSync(document, 'utf8').split('\n').entries()) {
    for (const [, target = ''] of line.matchAll(/\]\(([^)\s]+)\)/g)) {
      const path = target.replace(/#.*$/, '');
      if (path === '' || /^[a-z]+:/.test(path)) continue;
      check(document, index + 1, normalize(join(dirname(document), path)));
    }
    for (const [, text = ''] of line.matchAll(/`([^`]+)`/g)) {
      if (rooted.test(text)) check(document, index + 1, normalize(text));
    }
  }
}

for (const problem of problems) console.error(problem);
console.log(`${paths} paths in ${documents.length} documents, ${problems.length} problems`);
if (paths === 0 || problems.length > 0) process.exitCode = 1;
