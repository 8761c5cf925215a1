import { readFile } from 'node:fs/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { apiDocument, clientTypes } from '../scripts/client-types.ts';

describe('the document of the API', () => {
  it('SRV-50 is valid OpenAPI 3.1 for a validator of others', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate((await apiDocument()) as never);
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(validator.version).toBe('3.1');
  });

  it('SRV-51 is what the typed client was made from', async () => {
    const kept = await readFile(new URL('../src/client/api.ts', import.meta.url), 'utf8');
    expect(kept, 'run `pnpm --filter @mb/server client`').toBe(await clientTypes());
  });

  it('SRV-52 says of each route which scope it needs', async () => {
    const { paths } = (await apiDocument()) as {
      readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security?: object }>>>>;
    };
    const open = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { security }]) => (security ? [] : [`${method} ${path}`])),
    );
    expect(open).toEqual([]);
  });
});
