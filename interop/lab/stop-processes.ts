import { afterAll } from 'vitest';
import { stopAllProcesses } from './process.ts';

// The hook that is registered first runs last: behind those by which the suite itself stops what it started.
afterAll(stopAllProcesses);
