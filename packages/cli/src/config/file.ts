import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CliError } from '../errors.ts';

const NAMES = ['mb.config.ts', 'mb.config.js', 'mb.config.json'];

/** What a configuration file says, and where it is. */
export interface ConfigFile {
  readonly path: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/**
 * Finds the configuration in a folder or the nearest one above that has one.
 *
 * @returns undefined when there is none.
 * @throws {CliError} MB_CLI_CONFIG where a folder has two, since one of them would be ignored.
 */
export async function findConfig(folder: string): Promise<string | undefined> {
  const candidates = NAMES.map((name) => join(folder, name));
  const facts = await Promise.all(candidates.map((path) => stat(path).catch(() => undefined)));
  const found = candidates.filter((_, index) => facts[index]?.isFile());
  if (found.length > 1) throw wrong(folder, `there is ${found.join(' and ')}; leave one of them`);
  const above = dirname(folder);
  return found[0] ?? (above === folder ? undefined : findConfig(above));
}

/** Reads a configuration file. @throws {CliError} MB_CLI_FILE, MB_CLI_CONFIG */
export async function readConfig(name: string): Promise<ConfigFile> {
  const path = resolve(name);
  await refuseForeign(path);
  const content = path.endsWith('.json') ? await readJson(path) : await importDefault(path);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw wrong(path, 'it must be an object, in JavaScript and TypeScript the default export');
  }
  return { path, content: content as Record<string, unknown> };
}

/** It is run, or decides where mail goes: what others could have written does not count. */
async function refuseForeign(path: string): Promise<void> {
  const facts = await stat(path).catch((cause: unknown) => {
    throw new CliError('MB_CLI_FILE', `There is no configuration ${path}.`, { cause });
  });
  if (process.platform === 'win32') return;
  const owners = [0, process.getuid?.()];
  if (owners.includes(facts.uid) && (facts.mode & 0o002) === 0) return;
  throw wrong(path, 'others may change it; make it your own (chown, chmod o-w), or give --no-config');
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw wrong(path, `it is no JSON: ${(cause as Error).message}`, cause);
  }
}

async function importDefault(path: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
    return module.default;
  } catch (cause) {
    throw wrong(path, `it cannot be loaded: ${(cause as Error).message}`, cause);
  }
}

function wrong(path: string, what: string, cause?: unknown): CliError {
  return new CliError('MB_CLI_CONFIG', `${path}: ${what}.`, { cause });
}
