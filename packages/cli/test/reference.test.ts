import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { flagValuesPath, writeFlagValues } from '../scripts/flag-values.ts';
import { referencePath, writeReference } from '../scripts/reference.ts';
import { createProgram } from '../src/program.ts';

it('has an up-to-date docs/cli.md; run `pnpm --filter @mb/cli reference` if not', async () => {
  expect(readFileSync(referencePath, 'utf8')).toBe(await writeReference());
});

it('has an up-to-date type of the configuration; run `pnpm --filter @mb/cli reference` if not', async () => {
  expect(readFileSync(flagValuesPath, 'utf8')).toBe(await writeFlagValues());
});

it('documents exit codes and shows examples of every command that does something', async () => {
  const reference = await writeReference();
  const leaves = (command: Command, path: string): string[] =>
    command.commands.length === 0
      ? [path]
      : command.commands.flatMap((child) => leaves(child, `${path} ${child.name()}`));
  for (const path of leaves(await createProgram(), 'mb')) {
    // The commands on DNS tell them together.
    if (path.startsWith('mb dns ')) continue;
    const section = reference.slice(reference.indexOf(`\n## ${path}\n`));
    const text = section.slice(0, section.indexOf('\n## ', 5));
    expect(text, path).toMatch(/Examples?:\n {2}\S/);
    expect(text, path).toMatch(/Exit codes?[:,]/);
  }
});

it('CLI-64 lists a command that is not loaded as it is listed when it is', async () => {
  expect((await createProgram([])).helpInformation()).toBe((await createProgram()).helpInformation());
});

it('CLI-81 each command of queue, suppress and key takes --server, but the one that changes tables', async () => {
  const groups = (await createProgram()).commands.filter((one) =>
    ['queue', 'suppress', 'key'].includes(one.name()),
  );
  const leaves = groups.flatMap(({ commands }) => commands);
  expect(leaves.length).toBeGreaterThan(10);
  const without = leaves.filter(({ options }) => !options.some(({ long }) => long === '--server'));
  expect(without.map((one) => one.name())).toEqual(['migrate']);
});
