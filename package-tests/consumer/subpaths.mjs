import { readFileSync } from 'node:fs';

/** Subpaths that only load inside of a test runner. */
const ofTestRunners = new Set(['@mb/testkit/vitest']);

/** The specifiers that an installed package offers, read from what is installed: `@mb/mime`, `@mb/mime/node`. */
export function readSpecifiers(name, folder = '.') {
  const { exports } = JSON.parse(readFileSync(`${folder}/node_modules/${name}/package.json`, 'utf8'));
  return Object.keys(exports)
    .filter((subpath) => !subpath.endsWith('.json'))
    .map((subpath) => name + subpath.slice(1))
    .filter((specifier) => !ofTestRunners.has(specifier));
}
