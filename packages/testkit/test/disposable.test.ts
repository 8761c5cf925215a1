import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** The exported classes of a package that entry points name, with their source. */
const classes = globSync('*/src/**/*.ts', { cwd: root })
  .filter((file) => !file.endsWith('.test.ts') && !file.startsWith('cli/'))
  .flatMap((file) => {
    const source = readFileSync(join(root, file), 'utf8');
    return [...source.matchAll(/^export class (\w+)[\s\S]*?^}/gm)].map(([text, name]) => ({
      name: name!,
      text,
      folder: file.split('/')[0]!,
    }));
  })
  .filter(({ name, folder }) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const entries = Object.values(manifest.exports ?? {}) as { readonly '@mb/source'?: string }[];
    return entries.some((entry) => {
      const source = entry['@mb/source'];
      const exported = new RegExp(`^export (?:class ${name}\\b|(?:type )?\\{[^}]*\\b${name}\\b)`, 'm');
      return source && exported.test(readFileSync(join(root, folder, source), 'utf8'));
    });
  });

const closed = classes.filter(({ text }) => /^ {2}(?:async )?(?:close|stop)\(.*Promise<void> {$/m.test(text));

it('ROLE-06 finds the classes that have to be closed', () => {
  expect(closed.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'MailBroker',
      'MailQueue',
      'MailWorker',
      'SqliteStore',
      'SmtpConnection',
      'Alerts',
    ]),
  );
});

it.each(closed)('ROLE-06 $name can be disposed of', ({ text }) => {
  expect(text).toMatch(/^ {2}(?:async )?\[Symbol\.asyncDispose\]\(\): Promise<void>/m);
});
