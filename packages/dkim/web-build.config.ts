import { join } from 'node:path';
import type { Plugin } from 'rollup';
import type { Options } from 'tsup';

const platform = (file: string) => join(import.meta.dirname, 'src/web', file);

/** The replacements of Node's modules. */
const modules: Readonly<Record<string, string>> = {
  'node:crypto': platform('crypto.ts'),
  'node:buffer': platform('buffer.ts'),
  'node:url': platform('platform.ts'),
  'node:timers/promises': platform('platform.ts'),
  'node:process': platform('platform.ts'),
};

/** Builds `@mb/dkim/web` from the sources of `@mb/dkim`: an import of any other module of Node fails the build. */
export const webPlatform: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'web-platform',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path }) => {
      const file = modules[path];
      return file === undefined
        ? { errors: [{ text: `${path} has no stand-in for the web` }] }
        : { path: file };
    });
  },
};

/** The same for its declarations, which then compile without the types of Node. */
export const webDeclarations: Plugin = {
  name: 'web-platform',
  resolveId: (source) => modules[source],
};

/** Gives `Buffer` to modules that use it as a global. */
export const webInject = [platform('buffer.ts')];
