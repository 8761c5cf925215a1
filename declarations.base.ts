import { type Plugin, rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

/** What differs from package to package. */
export interface DeclarationOptions {
  /** Run before the compiler; a package without Node's modules replaces them here. */
  readonly plugins?: readonly Plugin[];
}

/**
 * Writes the declarations of a package's entries into `dist`, each with a map to the source, so that "go to definition"
 * shows the code. tsup uses the same plugin, but cannot write the maps.
 *
 * @param entry  Name in `dist` without extension, and the source file.
 */
export async function writeDeclarations(
  entry: Readonly<Record<string, string>>,
  { plugins = [] }: DeclarationOptions = {},
): Promise<void> {
  const bundle = await rollup({
    input: { ...entry },
    // Dependencies and other packages of the family are installed beside the package.
    external: /^(?![./]|node:)[^/]/,
    plugins: [
      ...plugins,
      dts({
        sourcemap: true,
        compilerOptions: {
          declaration: true,
          noEmit: false,
          emitDeclarationOnly: true,
          noEmitOnError: true,
          // What is @internal would bring types along that no entry exports.
          stripInternal: true,
        },
      }),
    ],
    onwarn(warning, handle) {
      if (!['UNRESOLVED_IMPORT', 'CIRCULAR_DEPENDENCY', 'EMPTY_BUNDLE'].includes(warning.code ?? ''))
        handle(warning);
    },
  });
  await bundle.write({
    dir: 'dist',
    format: 'es',
    entryFileNames: '[name].d.ts',
    chunkFileNames: '[name]-[hash].d.ts',
    sourcemap: true,
    // The sources are packed.
    sourcemapExcludeSources: true,
  });
  await bundle.close();
}
