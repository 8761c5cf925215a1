import { posix } from 'node:path';

/** A link or picture of Markdown: `[text](target)`, `![text](target)`. */
const link = /(!?)\[((?:[^\][]|\[[^\]]*\])*)\]\(([^()\s]+)\)/g;

/**
 * Rewrites what a README links to in the repository, as the registry's page has no files beside the package: links
 * lead to the repository, pictures to their octets there.
 *
 * @param folder  Of the package in the repository: `packages/mime`.
 */
export function packedReadme(text: string, folder: string, repository: string): string {
  return text.replace(link, (all, picture: string, label: string, target: string) => {
    if (/^(?:[a-z]+:|#)/i.test(target)) return all;
    const path = posix.join(folder, target);
    return `${picture}[${label}](${repository}/${picture ? 'raw' : 'blob'}/HEAD/${path})`;
  });
}

/**
 * Puts a table in front of the first section that says which package is for what.
 *
 * @param front  The README of the repository: its table of packages has the words.
 */
export function withPackageTable(text: string, front: string, repository: string): string {
  const rows = Array.from(
    front.matchAll(/^\| \[`(@mb\/[\w-]+)`\]\((packages\/[\w-]+)\) +\| (.*?) +\|$/gm),
    ([, name, folder, purpose]) => {
      const words = packedReadme(purpose!, '', repository);
      return `| ${words} | [\`${name}\`](${repository}/tree/HEAD/${folder}#readme) |`;
    },
  );
  if (rows.length === 0) throw new Error('The README of the repository has no table of packages.');
  const table = ['| You want to | Package |', '| --- | --- |', ...rows, '', ''].join('\n');
  const section = text.search(/^## /m);
  return `${text.slice(0, section)}${table}${text.slice(section)}`;
}

/** The targets of all links and pictures outside of code. */
export function linksOf(text: string): string[] {
  const prose = withoutCodeBlocks(text).replace(/`[^`\n]*`/g, '');
  return Array.from(prose.matchAll(link), ([, , , target]) => target!);
}

/** Markdown without what is between lines of three backquotes. */
export function withoutCodeBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '');
}
