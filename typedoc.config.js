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
  // What Node's own classes bring along is documented by Node.
  excludeExternals: true,
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
  // These say what is used of somebody else's interface, which documents it; the text above them says whose.
  intentionallyNotDocumented: [
    '@mb/mime.WebStream.getReader',
    '@mb/mime.WebStream.getReader.__type.read',
    '@mb/mime.WebStream.getReader.__type.cancel',
    '@mb/dns.DmarcDiscovery.__type.organizationalDomain',
    '@mb/broker/react-email.PropertySchema.~standard.__type.validate',
    '@mb/broker.MemoryStoreOptions.clock.__type.now',
    '@mb/queue-postgres.PostgresStoreOptions.clock.__type.now',
    '@mb/broker/store-conformance.StoreUnderTest.store.__type.accept',
    '@mb/broker/store-conformance.StoreUnderTest.reopen.__type.accept',
    ...['4', '6', 'Cname', 'Mx', 'Ns', 'Ptr', 'Soa', 'Srv', 'Tlsa', 'Txt'].map(
      (type) => `@mb/dns.PromisesAdapter.resolve${type}`,
    ),
  ],
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
