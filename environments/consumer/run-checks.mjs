import process from 'node:process';
import { readSpecifiers } from './subpaths.mjs';

/** Loads each package's subpaths, puts its main one to use, and prints `ok NAME` for each package that works. */
export async function runChecks(names, load) {
  for (const name of names) {
    try {
      const modules = {};
      for (const specifier of readSpecifiers(name)) modules[specifier] = await load(specifier);
      const { check } = await import(`./checks/${name.split('/')[1]}.mjs`);
      await check(modules, load);
      console.log(`ok ${name}`);
    } catch (error) {
      console.error(`${name}:`, error);
      process.exitCode = 1;
    }
  }
}
