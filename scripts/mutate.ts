/**
 * Runs the mutation tests of all packages, or of those that are named, with many inputs and a new seed:
 *
 *   node scripts/mutate.ts [package…]     MB_MUTATIONS=1000000 MB_MUTATION_SEED=7 node scripts/mutate.ts mime
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const inputs = process.env.MB_MUTATIONS ?? '300000';
const seed = process.env.MB_MUTATION_SEED ?? String(Math.trunc(Math.random() * 2 ** 32));
const all = readdirSync('packages').filter((name) => existsSync(join('packages', name, 'test/mutation')));
const names = process.argv.length > 2 ? process.argv.slice(2) : all;
const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`There are no mutation tests in ${unknown.join(', ')}; known: ${all.join(', ')}.`);
  process.exit(2);
}

console.log(`${inputs} inputs for each parser of ${names.join(', ')}; MB_MUTATION_SEED=${seed} repeats them`);
const failed = names.filter((name) => {
  const { status } = spawnSync(join(process.cwd(), 'node_modules/.bin/vitest'), ['run', 'test/mutation'], {
    cwd: join('packages', name),
    stdio: 'inherit',
    env: { ...process.env, MB_MUTATIONS: inputs, MB_MUTATION_SEED: seed },
  });
  return status !== 0;
});
if (failed.length > 0) {
  console.error(`Mutation tests failed in ${failed.join(', ')}; MB_MUTATION_SEED=${seed} repeats them.`);
  process.exitCode = 1;
}
