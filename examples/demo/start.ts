import { enableCompileCache } from 'node:module';

// Before anything is loaded: what is compiled in this run is kept for the next one.
enableCompileCache();
await import('./main.ts');
