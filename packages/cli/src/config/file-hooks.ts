import module from 'node:module';

/** What a configuration imports so that an editor checks its keys and values. */
const definePackage = '@mb/cli/config';

/**
 * Lets a configuration be imported wherever it is: written as an ES module also in a folder whose package.json says
 * `"type": "commonjs"`, and with `@mb/cli/config` also where only a global `mb` is installed.
 *
 * @param url  The configuration.
 * @param source  What it holds.
 * @returns A function that removes the hooks.
 */
export function hookConfigImport(url: string, source: string): () => void {
  const hooks = module.registerHooks({
    resolve(specifier, context, next) {
      return specifier === definePackage && context.parentURL === url
        ? { url: import.meta.resolve(definePackage), shortCircuit: true }
        : next(specifier, context);
    },
    load(target, context, next) {
      const { format } = context;
      if (target !== url || !format?.startsWith('commonjs') || !isModule(source))
        return next(target, context);
      return next(target, { ...context, format: format.replace('commonjs', 'module') });
    },
  });
  return () => hooks.deregister();
}

/** Whether a source has an `import` or `export` statement at the start of a line. */
function isModule(source: string): boolean {
  return /^(?:import[\s{*'"]|export[\s{*])/m.test(source);
}
