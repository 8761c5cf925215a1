import { defineConfig, type Options } from 'tsup';

/** Build of a published package: ESM only, one entry a subpath, declarations beside it. */
export function packageBuild(entry: Record<string, string>, overrides: Options = {}) {
  return defineConfig({
    entry,
    format: 'esm',
    target: 'node22',
    dts: true,
    clean: true,
    sourcemap: false,
    treeshake: true,
    // tsup takes the `node:` off otherwise, and node:sqlite exists under no other name.
    removeNodeProtocol: false,
    ...overrides,
  });
}
