/**
 * Holds docs/conformance.md against the tests: every rule has a test that starts with its id,
 * no test names an unknown rule, and the test file that a row names really holds that test.
 *
 * A row is `| ID | statement | RFC section | test file |`, with one claim (`claims.ts` refuses the words that join two).
 * A rule that is deliberately not met has `not met: reason` in the last column.
 */
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { findSecondClaim } from './claims.ts';

const catalogue = 'docs/conformance.md';
const idPattern = /^[A-Z]+-\d+$/;

interface Rule {
  readonly id: string;
  readonly statement: string;
  readonly source: string;
  readonly evidence: string;
}

function readRules(): { rules: Map<string, Rule>; problems: string[] } {
  const rules = new Map<string, Rule>();
  const problems: string[] = [];
  for (const line of readFileSync(catalogue, 'utf8').split('\n')) {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const [, id = '', statement = '', source = '', evidence = ''] = cells;
    if (!idPattern.test(id)) continue;
    if (rules.has(id)) problems.push(`${id} appears twice in ${catalogue}`);
    if (!statement || !source || !evidence)
      problems.push(`${id}: a row needs statement, source and test file`);
    const joint = findSecondClaim(statement);
    if (joint) problems.push(`${id}: "${joint}" joins two claims; give each a row, or say it as one`);
    rules.set(id, { id, statement, source, evidence });
  }
  return { rules, problems };
}

/** Test file → ids at the start of its test and suite names. `MIME-01 MIME-02 does…` names both. */
async function readTests(): Promise<Map<string, Set<string>>> {
  const tests = new Map<string, Set<string>>();
  for await (const file of glob('{packages,interop,browser}/**/*.test.ts', {
    exclude: (path) => path.includes('node_modules'),
  })) {
    const ids = new Set<string>();
    const source = readFileSync(file, 'utf8');
    for (const match of source.matchAll(
      // `it('`, or the end of `it.each(…)('`.
      /(?:\b(?:it|test|describe)(?:\.\w+(?:\([^)]*\))?)*|\))\(\s*['"`]((?:[A-Z]+-\d+[ ,]+)+)/g,
    )) {
      for (const id of match[1]?.match(/[A-Z]+-\d+/g) ?? []) ids.add(id);
    }
    tests.set(file, ids);
  }
  return tests;
}

const { rules, problems } = readRules();
const tests = await readTests();

for (const [file, ids] of tests) {
  for (const id of ids)
    if (!rules.has(id)) problems.push(`${file} names ${id}, which ${catalogue} does not list`);
}
for (const { id, evidence } of rules.values()) {
  if (/^not met: \S/.test(evidence)) continue;
  const files = [...evidence.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
  if (files.length === 0)
    problems.push(`${id}: the last column names a test file in backquotes, or "not met: reason"`);
  for (const file of files) {
    if (!tests.get(file)?.has(id)) problems.push(`${id}: no test in ${file} starts with this id`);
  }
}

for (const problem of problems) console.error(problem);
console.log(`${rules.size} rules, ${tests.size} test files, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
