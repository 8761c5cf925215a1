import process from 'node:process';
import { readSpecifiers } from './subpaths.mjs';

/** Loads each package's subpaths, puts its main one to use, and prints one line of JSON for each package. */
export async function runChecks(names, load) {
  for (const name of names) {
    const problem = await findProblem(name, load);
    console.log(JSON.stringify(problem === undefined ? { name } : { name, problem }));
    if (problem !== undefined) process.exitCode = 1;
  }
}

async function findProblem(name, load) {
  try {
    const modules = {};
    for (const specifier of readSpecifiers(name)) modules[specifier] = await load(specifier);
    const { check } = await import(`./checks/${name.split('/')[1]}.mjs`);
    await check(modules, load);
    return undefined;
  } catch (error) {
    return String(error.stack ?? error);
  }
}
