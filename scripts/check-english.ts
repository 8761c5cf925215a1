/**
 * Finds words that made our texts hard to read. Each has a plain replacement, which the error names.
 *
 * The whole text of a file counts: messages, comments and code. A line that needs such a word ends with `english-ok`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What is checked; vectors and results of measurements are not ours to word. */
const checked =
  /^(\.changeset|bench|browser|interop|examples|scripts|package-tests|docs|packages)\/.*\.(tsx?|mjs|md)$|^(README|CONTRIBUTING|SECURITY)\.md$/;
const unchecked = /\/vectors\/|\/prisma\/|CHANGELOG\.md$|^scripts\/check-english\.ts$/;

const words: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\blook-ups?\b/i, 'lookup'],
  [/\btime-outs?\b/i, 'timeout'],
  [
    /\b(?:may |can |must |which |that |it |they )?stands? (?:in|at|on|before|behind|once|there|so|beside|alone|twice)\b/i,
    'is, appears',
  ],
  [/\bso many\b/i, 'this many, the given number of'],
  [/\bbehind the\b/i, 'after the'],
  [/\btold of\b/i, 'reported, notified of'],
  [/\b(?:come|comes|came) about\b/i, 'happen, is created'],
  [/\blest\b/i, 'so that … not'],
  [/\banew\b/i, 'again'],
  [/\bwhoever\b/i, 'a caller that, a program that'],
  [/\bnobody\b(?![@.'])/i, 'no caller, no recipient, nothing'],
  [/\beverybody\b/i, 'all callers, every reader'],
  [/\ba look\b(?! at )/i, 'a check, a read'],
  [/\bsomebody\b(?![\\.@])/, 'a user, another process, another party'],
  [/\banybody\b/i, 'anyone'],
  [/\btold apart\b/i, 'distinguished'],
  [/\bbe had\b/i, 'is available'],
  [/\bis none of\b/i, 'must be one of'],
  [/\bfate\b/i, 'outcome'],
  [/\bdepartures\b/i, 'overrides'],
  [/\bfor ever\b/i, 'forever, without a limit'],
  [/\b(?:see to|look after) (?:its?|the)\b/i, 'check'],
  [/\bfor what is no\b/i, 'for anything that is not a'],
];

const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => checked.test(file) && !unchecked.test(file));
const problems: string[] = [];
for (const file of files) {
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (line.includes('english-ok')) continue;
    for (const [pattern, instead] of words) {
      const found = pattern.exec(line)?.[0];
      if (found) problems.push(`${file}:${index + 1}: "${found.trim()}": write ${instead}`);
    }
  }
}
for (const problem of problems) console.error(problem);
console.log(`${files.length} files, ${problems.length} words to replace`);
if (problems.length > 0) process.exitCode = 1;
