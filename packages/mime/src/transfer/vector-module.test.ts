import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';

describe('a vector module', () => {
  it.each(['base64-lines'])('%s is its source, assembled', async (name) => {
    const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
    const module = (await wabt()).parseWat(`${name}.wat`, read(`./${name}.wat`));
    const constant = /const assembled =([^;]+);/.exec(read(`./${name}.ts`))![1]!;
    const embedded = [...constant.matchAll(/'([^']*)'/g)].map(([, part]) => part).join('');
    expect(embedded).toBe(Buffer.from(module.toBinary({}).buffer).toString('base64'));
  });
});
