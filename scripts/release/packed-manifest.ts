/** What a published package.json says: the package's own facts, those of the project, and types for every compiler. */

/** Facts about the project, once for all packages: fields of the package.json at the root. */
export interface ProjectFacts {
  /** Address of the repository without `.git`, such as `https://git.example.com/mb/mb`. */
  readonly repository: string;
  readonly homepage?: string;
  readonly author?: string;
  readonly funding?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: a manifest is JSON of many forms.
type Json = any;

/** Fields that only the workspace uses. */
const ofDevelopment = ['scripts', 'devDependencies', 'publishConfig', 'size-limit'];

/** @returns the facts that the package.json at the root gives; undefined while it names no repository. */
export function readProjectFacts(root: Json): ProjectFacts | undefined {
  const { repository, homepage, author, funding } = root;
  const url = typeof repository === 'string' ? repository : repository?.url;
  if (typeof url !== 'string' || url === '') return undefined;
  return {
    repository: url.replace(/^git\+/, '').replace(/\.git$/, ''),
    ...(homepage && { homepage }),
    ...(author && { author }),
    ...(funding && { funding }),
  };
}

/**
 * Makes the manifest that is published.
 *
 * @param packed  The manifest as pnpm packs it: ranges of the workspace and its catalog are resolved.
 * @param folder  Of the package in the repository: `packages/mime`.
 */
export function packedManifest(packed: Json, folder: string, facts: ProjectFacts): Json {
  const manifest = Object.fromEntries(
    Object.entries(packed).filter(([key]) => !ofDevelopment.includes(key)),
  ) as Json;
  const { repository, homepage, author, funding } = facts;
  const typed = Object.entries(manifest.exports as Json).map(([subpath, target]) => [
    subpath,
    withTypesForRequire(target),
  ]);
  const main = manifest.exports['.'];
  return {
    ...manifest,
    ...(author && { author }),
    repository: { type: 'git', url: `git+${repository}.git`, directory: folder },
    homepage: homepage ?? `${repository}/tree/HEAD/${folder}#readme`,
    bugs: `${repository}/issues`,
    ...(funding && { funding }),
    ...(main && { main: main.default, types: main.types }),
    ...typesVersions(manifest.exports),
    sideEffects: Array.isArray(manifest.sideEffects)
      ? manifest.sideEffects.filter((file: string) => !file.startsWith('./src/'))
      : manifest.sideEffects,
    ...(manifest.imports && { imports: withoutSource(manifest.imports) }),
    exports: Object.fromEntries(typed),
    // The sources are for editors: maps of the declarations lead there, no entry does.
    files: [...manifest.files, 'src', 'CHANGELOG.md'],
    publishConfig: { access: 'public', provenance: true },
  };
}

/**
 * CommonJS programs load the same file by `require()`; their compilers want declarations that are of CommonJS too
 * (docs/decisions/commonjs-types.md).
 */
function withTypesForRequire(target: Json): Json {
  if (typeof target === 'string' || !target.types) return target;
  return {
    ...target,
    types: { require: target.types.replace(/\.d\.ts$/, '.d.cts'), default: target.types },
  };
}

/** No entry of a packed package leads to sources. */
function withoutSource(imports: Record<string, Json>): Json {
  return Object.fromEntries(
    Object.entries(imports).map(([key, { '@mb/source': _, ...rest }]) => [key, rest]),
  );
}

/** Where compilers look that know nothing of `exports`. */
function typesVersions(exports: Json): object {
  const subpaths = Object.entries(exports as Record<string, Json>).filter(
    ([subpath, target]) => subpath !== '.' && target.types,
  );
  if (subpaths.length === 0) return {};
  return {
    typesVersions: {
      '*': Object.fromEntries(subpaths.map(([subpath, { types }]) => [subpath.slice(2), [types]])),
    },
  };
}
