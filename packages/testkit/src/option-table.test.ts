import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const source = (name: string) => new URL(`../../${name}/src/option-table.ts`, import.meta.url);

/** Packages that check their options by tables; `dkim` has the tests of the file. */
const packages = [
  'dkim',
  'dns',
  'smtp-client',
  'broker',
  'queue-postgres',
  'testkit',
  'server',
  'nodemailer',
  'dashboard',
];

it.each(packages)('OPT-05 option-table.ts of %s is the same as that of dkim', (name) => {
  expect(readFileSync(source(name), 'utf8')).toBe(readFileSync(source('dkim'), 'utf8'));
});

it('OPT-05 knows every package that has the file', () => {
  const all = [
    'mime',
    'dkim',
    'dns',
    'smtp-client',
    'broker',
    'queue-postgres',
    'testkit',
    'cli',
    'server',
    'nodemailer',
    'dashboard',
  ];
  expect(all.filter((name) => existsSync(source(name)))).toEqual(
    all.filter((name) => packages.includes(name)),
  );
});
