import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

/** Where a text comes from that should not be in a configuration, such as a key or a password. */
export type TextSource =
  /** The content of a file without trailing line ends; the path is relative to the folder of the configuration. */
  | { readonly file: string }
  /** The value of an environment variable. */
  | { readonly env: string };

/** `T` as a configuration may have it: every string may also come from a {@link TextSource}. */
export type Configured<T> = T extends string
  ? T | TextSource
  : T extends (...args: never[]) => unknown
    ? T
    : T extends object
      ? { readonly [K in keyof T]: Configured<T[K]> }
      : T;

/** Keys whose values must stay secret: who can read their file is checked. */
export const secretKeys: ReadonlySet<string> = new Set([
  'privateKey',
  'passphrase',
  'password',
  'accessToken',
  'secret',
]);
/** Keys that take a Date; JSON has none. */
const dateKeys: ReadonlySet<string> = new Set(['validFrom', 'validUntil']);

/** Problems and warnings from reading a configuration. */
export interface TextFindings {
  /** One sentence each, with the path of the key. */
  readonly problems: string[];
  /** What works but is dangerous. */
  readonly warnings: string[];
}

/**
 * Replaces every {@link TextSource} below a value by its text. Instances of classes and functions stay as they are.
 *
 * @param folder  The folder that paths are relative to.
 * @param path  Names the value in findings, such as `domains[0]`.
 */
export async function readTexts(
  value: unknown,
  folder: string,
  path: string,
  findings: TextFindings,
): Promise<unknown> {
  const key = /(?:^|\.)(\w+)$/.exec(path)?.[1] ?? '';
  if (typeof value === 'string' && dateKeys.has(key)) return readDate(value, path, findings);
  if (Array.isArray(value)) {
    const items = value.map((item, index) => readTexts(item, folder, `${path}[${index}]`, findings));
    return Promise.all(items);
  }
  if (!isPlain(value)) return value;
  const source = sourceOf(value);
  if (source) return readText(source, folder, path, secretKeys.has(key), findings);
  const entries = Object.entries(value).map(
    async ([name, member]) => [name, await readTexts(member, folder, join(path, name), findings)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

function join(path: string, name: string): string {
  return /^\w+$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name.slice(0, 80))}]`;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function sourceOf(value: Record<string, unknown>): TextSource | undefined {
  const [key, ...others] = Object.keys(value);
  if (others.length > 0 || (key !== 'file' && key !== 'env')) return undefined;
  return typeof value[key] === 'string' ? (value as TextSource) : undefined;
}

function readDate(text: string, path: string, { problems }: TextFindings): Date | undefined {
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  problems.push(`${path}: It must be a date, such as 2026-01-31 or 2026-01-31T12:00:00Z.`);
  return undefined;
}

async function readText(
  source: TextSource,
  folder: string,
  path: string,
  secret: boolean,
  { problems, warnings }: TextFindings,
): Promise<string | undefined> {
  if ('env' in source) {
    const text = process.env[source.env];
    if (text) return text;
    problems.push(`${path}: The environment variable ${source.env} is not set.`);
    return undefined;
  }
  const file = resolve(folder, source.file);
  try {
    const text = await readFile(file, 'utf8');
    if (secret && process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0) {
      warnings.push(`${path}: Other users of this machine can read ${file}; run: chmod 600 ${file}`);
    }
    if (text.trim() !== '') return withoutLastLineEnds(text);
    problems.push(`${path}: The file ${file} is empty.`);
  } catch (error) {
    problems.push(`${path}: The file ${file} cannot be read: ${(error as Error).message}.`);
  }
  return undefined;
}

/** Removes the line end that editors add at the end of a file. */
function withoutLastLineEnds(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === '\n' || text[end - 1] === '\r')) end -= 1;
  return text.slice(0, end);
}
