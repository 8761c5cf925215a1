import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Exported functions whose name is that of a parser, and the reason why no test damages their input by itself. */
const elsewhere: Readonly<Record<string, string>> = {
  'broker/fillGapText': 'fills what parseGapText has read',
  'broker/parseGapText': 'a part of parseMessageTemplate',
  'broker/readOutcomeDetail': 'a detail that the store has written; SqliteStore damages its file',
  'mime/parseMailbox': 'a list of one in parseAddressList',
  'mime/unfoldHeader': 'a part of parseHeaderBlock',
  'smtp-client/parseMailbox': 'an address of the caller, which its own errors refuse',
};

/** Names that a file exports and that read something: `parseX`, `readX`, `decodeX`, `verifyX`. */
function parsersIn(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
  const lists = [...code.matchAll(/export \{([^}]*)\}/g)].flatMap(([, names = '']) => names.split(','));
  const functions = [...code.matchAll(/export (?:async )?function (\w+)/g)].map(([, name = '']) => name);
  return [...lists.map((name) => name.trim()), ...functions].filter((name) =>
    /^(?:parse|read|decode|verify|unfold|fill)[A-Z]\w*$/.test(name),
  );
}

/** The parsers of all entry points: `dns/parseSpfRecord`. */
const exported = new Set(
  globSync('*/package.json', { cwd: root }).flatMap((file) => {
    const folder = dirname(file);
    const { exports = {} } = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      readonly exports?: Readonly<Record<string, string | { readonly '@mb/source'?: string }>>;
    };
    return Object.values(exports).flatMap((target) => {
      const source = typeof target === 'string' ? undefined : target['@mb/source'];
      if (source === undefined) return [];
      return parsersIn(readFileSync(join(root, folder, source), 'utf8')).map((name) => `${folder}/${name}`);
    });
  }),
);

/** Everything that the tests with damaged input name. */
const damaged = new Map<string, string>();
for (const file of globSync('*/test/mutation/*.ts', { cwd: root })) {
  const folder = file.slice(0, file.indexOf('/'));
  damaged.set(folder, (damaged.get(folder) ?? '') + readFileSync(join(root, file), 'utf8'));
}

it('MUT-11 every exported parser has a test with damaged input', () => {
  expect(exported.size).toBeGreaterThan(25);
  const missing = [...exported].filter((parser) => {
    const [folder = '', name = ''] = parser.split('/');
    return (
      !(parser in elsewhere) &&
      !new RegExp(`\\b${name}\\(|\\b${name}\\b[^'\`]*\\]`).test(damaged.get(folder) ?? '')
    );
  });
  expect(missing).toEqual([]);
  expect(Object.keys(elsewhere).filter((parser) => !exported.has(parser))).toEqual([]);
});
