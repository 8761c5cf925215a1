import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
);

it('SESS-19 the protocol has no I/O, clock or randomness of its own', () => {
  expect(sources.length).toBeGreaterThan(20);
  for (const file of sources) {
    const code = readFileSync(join(import.meta.dirname, file), 'utf8').replaceAll(
      /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
      '',
    );
    const imports = [...code.matchAll(/from '([^']+)'/g)].map((match) => match[1]!);
    expect(
      imports.filter((name) => !name.startsWith('.')),
      file,
    ).toEqual([]);
    // Files of the protocol import each other and what the whole package shares, but not the shell in io/.
    expect(
      imports.filter((name) => /\/io\//.test(name)),
      file,
    ).toEqual([]);
    expect(
      code.match(/\b(?:Date\.now|new Date\(\)|performance\.|Math\.random|setTimeout|setInterval)/),
      file,
    ).toBeNull();
  }
});
