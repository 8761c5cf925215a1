import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesOf, type PackedPackage } from '../scripts/release/pack.ts';
import type { ProjectFacts } from '../scripts/release/packed-manifest.ts';
import { linksOf, withoutCodeBlocks } from '../scripts/release/packed-readme.ts';

/** A check and what is wrong; without a problem it passed. */
export interface Finding {
  readonly label: string;
  readonly problem?: string;
}

/** Sections that several READMEs have, in the order in which all have them. */
const sections = [
  'RFCs',
  'Subpaths',
  'Errors',
  'Limits and defaults',
  'Security',
  'Dependencies',
  'Speed',
  'Runtimes',
];

/** Looks into a tarball: its files, its manifest and its README. */
export async function checkPackedFiles(
  { name, version, filename, staged, folder }: PackedPackage,
  root: string,
  facts: ProjectFacts,
): Promise<Finding[]> {
  const files = new Set(await filesOf(filename));
  const manifest = JSON.parse(await readFile(join(staged, 'package.json'), 'utf8'));
  const readme = await readFile(join(staged, 'README.md'), 'utf8');
  return [
    finding(`${name}: files`, findFileProblems(files, version)),
    finding(`${name}: manifest`, findManifestProblems(manifest, files, folder)),
    finding(`${name}: README`, [
      ...(await findLinkProblems(readme, root, facts)),
      ...findSectionProblems(readme),
    ]),
  ];
}

function finding(label: string, problems: readonly string[]): Finding {
  return problems.length === 0 ? { label } : { label, problem: problems.join('\n') };
}

function findFileProblems(files: ReadonlySet<string>, version: string): string[] {
  const wanted = ['package.json', 'README.md', 'LICENSE', ...(version === '0.0.0' ? [] : ['CHANGELOG.md'])];
  const known =
    /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/[\w./-]+\.(?:js|d\.c?ts|d\.c?ts\.map|wasm|sql|json|html|css|svg)|src\/[\w./-]+(?<!\.test)\.tsx?|telemetry\/[\w-]+\.(?:json|yml))$/;
  return [
    ...wanted.filter((file) => !files.has(file)).map((file) => `${file} is not packed`),
    ...[...files].filter((file) => !known.test(file)).map((file) => `${file} should not be packed`),
  ];
}

// biome-ignore lint/suspicious/noExplicitAny: a manifest is JSON of many forms.
function findManifestProblems(manifest: any, files: ReadonlySet<string>, folder: string): string[] {
  const problems: string[] = [];
  for (const key of ['scripts', 'devDependencies', 'size-limit'])
    if (key in manifest) problems.push(`${key} is packed`);
  for (const key of [
    'description',
    'keywords',
    'license',
    'repository',
    'homepage',
    'bugs',
    'engines',
    'sideEffects',
  ])
    if (manifest[key] === undefined) problems.push(`${key} is missing`);
  if (manifest.repository?.directory !== folder) problems.push(`repository.directory is not ${folder}`);
  const text = JSON.stringify(manifest);
  for (const word of ['workspace:', 'catalog:', '@mb/source', './src/'])
    if (text.includes(word)) problems.push(`${word} is packed`);
  // Not the keys of `exports`, which are subpaths.
  for (const [, path] of text.matchAll(/"\.\/([^"*]+)"(?!:)/g))
    if (!files.has(path!)) problems.push(`./${path} is named and not packed`);
  return problems;
}

/** Links lead to a heading of the page, to a file of the repository, or to a page elsewhere over https. */
async function findLinkProblems(
  readme: string,
  root: string,
  { repository }: ProjectFacts,
): Promise<string[]> {
  const problems: string[] = [];
  for (const target of linksOf(readme)) {
    const inside = /^(?:blob|raw|tree)\/HEAD\/([^#]*)(?:#(.*))?$/.exec(
      target.startsWith(`${repository}/`) ? target.slice(repository.length + 1) : '',
    );
    if (target.startsWith('#')) {
      if (!anchorsOf(readme).has(target.slice(1))) problems.push(`${target} is no heading`);
    } else if (inside) {
      const problem = await findFileProblem(join(root, inside[1]!), inside[2]);
      if (problem) problems.push(`${target} ${problem}`);
    } else if (!target.startsWith('https://'))
      problems.push(`${target} leads nowhere from the registry's page`);
  }
  return problems;
}

async function findFileProblem(path: string, anchor: string | undefined): Promise<string | undefined> {
  try {
    await access(path);
  } catch {
    return 'is not in the repository';
  }
  if (anchor === undefined || !path.endsWith('.md')) return undefined;
  return anchorsOf(await readFile(path, 'utf8')).has(anchor) ? undefined : 'has no such heading';
}

/** The anchors that pages of repositories give to headings. */
function anchorsOf(text: string): Set<string> {
  const headings = withoutCodeBlocks(text).matchAll(/^#+ +(.*)$/gm);
  return new Set(
    Array.from(headings, ([, heading]) =>
      heading!
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function findSectionProblems(readme: string): string[] {
  const headings = Array.from(withoutCodeBlocks(readme).matchAll(/^## +(.*)$/gm), ([, heading]) => heading!);
  const found = headings.filter((heading) => sections.includes(heading));
  const ordered = sections.filter((section) => found.includes(section));
  return [
    ...['Errors', 'Limits and defaults', 'Security', 'Runtimes']
      .filter((section) => !headings.includes(section))
      .map((section) => `has no section "${section}"`),
    ...(found.join() === ordered.join() ? [] : [`sections should be in the order ${ordered.join(', ')}`]),
    ...(readme.includes('| You want to | Package |') ? [] : ['has no table of the packages']),
  ];
}
