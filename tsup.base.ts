import { defineConfig, type Options } from 'tsup';
import { type DeclarationOptions, writeDeclarations } from './declarations.base.ts';
import { importsSupportedNode, writeSupportedNode } from './supported-node.base.ts';

/**
 * Build of a published package: ESM only, one entry a subpath, declarations and their maps beside it.
 *
 * @param entry  Name in `dist` without extension, and the source file.
 * @param overrides  Options of tsup; `banner: {}` leaves the check of Node's version out.
 * @param declarations  `entry` names what has declarations; default: every entry.
 */
export function packageBuild(
  entry: Record<string, string>,
  overrides: Options = {},
  { entry: declared = entry, ...declarations }: DeclarationOptions & { entry?: Record<string, string> } = {},
) {
  return defineConfig({
    entry,
    format: 'esm',
    target: 'node22',
    clean: true,
    sourcemap: false,
    treeshake: true,
    // tsup takes the `node:` off otherwise, and node:sqlite exists under no other name.
    removeNodeProtocol: false,
    banner: { js: importsSupportedNode },
    async onSuccess() {
      await writeSupportedNode();
      await writeDeclarations(declared, declarations);
    },
    ...overrides,
  });
}
