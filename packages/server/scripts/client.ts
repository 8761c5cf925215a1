import { writeFile } from 'node:fs/promises';
import { clientTypes } from './client-types.ts';

/** Writes src/client/api.ts; run it after a change of the API. */
await writeFile(new URL('../src/client/api.ts', import.meta.url), await clientTypes());
