import process from 'node:process';
import { runChecks } from './run-checks.mjs';

await runChecks(process.argv.slice(2), (specifier) => import(specifier));
