import { open, realpath, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CliError } from '../errors.ts';
import { foreignInfluence } from '../private-file.ts';
import { hookConfigImport } from './file-hooks.ts';

const NAMES = ['mb.config.ts', 'mb.config.js', 'mb.config.json'];

/** What a configuration file says, and where it is. */
export interface ConfigFile {
  readonly path: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/**
 * Finds the configuration in a folder or the nearest one above that has one.
 *
 * @returns undefined when no folder has one.
 * @throws {CliError} MB_CLI_CONFIG where a folder has two, since one of them would be ignored.
 */
export async function findConfig(folder: string): Promise<string | undefined> {
  const candidates = NAMES.map((name) => join(folder, name));
  const facts = await Promise.all(candidates.map((path) => stat(path).catch(() => undefined)));
  const found = candidates.filter((_, index) => facts[index]?.isFile());
  if (found.length > 1) throw wrong(folder, `it has ${found.join(' and ')}; keep one of them`);
  const above = dirname(folder);
  return found[0] ?? (above === folder ? undefined : findConfig(above));
}

/** Reads a configuration file. @throws {CliError} MB_CLI_FILE, MB_CLI_CONFIG */
export async function readConfig(name: string): Promise<ConfigFile> {
  const path = resolve(name);
  const text = await readTrusted(path);
  const content = path.endsWith('.json') ? parseJson(path, text) : await importDefault(path, text);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw wrong(path, 'it must be an object, in JavaScript and TypeScript the default export');
  }
  return { path, content: content as Record<string, unknown> };
}

/**
 * The text of a configuration that other users cannot have written, since it is executed or decides where mail goes.
 *
 * The open file and the folders on the way to it are checked. As long as no other user may write there, the name that is
 * imported afterwards is still this file.
 */
async function readTrusted(path: string): Promise<string> {
  const file = await open(path).catch((cause: unknown) => {
    throw new CliError('MB_CLI_FILE', `There is no configuration ${path}.`, { cause });
  });
  try {
    const foreign = await foreignInfluence(path, await file.stat());
    if (foreign !== undefined) {
      throw wrong(path, `others can change it: ${foreign}; use chown and chmod go-w, or give --no-config`);
    }
    return await file.readFile('utf8');
  } catch (cause) {
    if (CliError.isInstance(cause)) throw cause;
    throw new CliError('MB_CLI_FILE', `${path} cannot be read: ${(cause as Error).message}.`, { cause });
  } finally {
    await file.close();
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw wrong(path, `it is not valid JSON: ${(cause as Error).message}`, cause);
  }
}

/** How many configurations this process has imported. */
let loads = 0;

async function importDefault(path: string, text: string): Promise<unknown> {
  const real = await realpath(path);
  // Node caches a module by its URL, and a CommonJS module by its path; a changed file must be read again.
  delete createRequire(import.meta.url).cache[real];
  const { href } = Object.assign(pathToFileURL(real), loads > 0 && { search: `?load=${loads}` });
  loads += 1;
  const endHooks = hookConfigImport(href, text);
  try {
    const module = (await import(href)) as { readonly default?: unknown };
    return module.default;
  } catch (cause) {
    throw wrong(path, `it cannot be loaded: ${(cause as Error).message}`, cause);
  } finally {
    endHooks();
  }
}

function wrong(path: string, what: string, cause?: unknown): CliError {
  return new CliError('MB_CLI_CONFIG', `${path}: ${what}.`, { cause });
}
