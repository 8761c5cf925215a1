import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Every exported subpath of every published package: source file → the name that users import. */
const modules = new Map(
  globSync('packages/*/package.json').flatMap((file) => {
    const { name, exports } = JSON.parse(readFileSync(file, 'utf8'));
    return Object.entries(exports).flatMap(([subpath, target]) =>
      target['@mb/source'] ? [[join(dirname(file), target['@mb/source']), join(name, subpath)]] : [],
    );
  }),
);

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: '@mb',
  entryPoints: [...modules.keys()],
  plugin: [nameModules],
  tsconfig: 'tsconfig.docs.json',
  out: 'docs/api',
  readme: 'docs/architecture.md',
  excludePrivate: true,
  excludeInternal: true,
  githubPages: false,
  // Pages lie two folders below docs/ and paths are seen from packages/: these source links work in any clone.
  basePath: '.',
  disableGit: true,
  gitRevision: 'main',
  sourceLinkTemplate: '../../../packages/{path}#L{line}',
  sort: ['kind', 'source-order'],
  validation: {
    notExported: true,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    notDocumented: true,
  },
  requiredToBeDocumented: ['Class', 'Function', 'Interface', 'TypeAlias', 'Variable'],
  packagesRequiringDocumentation: [
    ...new Set(Array.from(modules.values(), (name) => name.split('/').slice(0, 2).join('/'))),
  ],
  treatWarningsAsErrors: true,
};

/** Names each module after its import path instead of its source file. */
function nameModules(/** @type {import('typedoc').Application} */ app) {
  app.converter.on('resolveBegin', ({ project }) => {
    for (const module of project.children ?? []) {
      const file = module.sources?.[0]?.fullFileName;
      module.name = (file && modules.get(relative(process.cwd(), file))) ?? module.name;
    }
  });
}
