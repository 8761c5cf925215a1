import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { createWorkspace } from './vector-module.ts';

/** The text of a file beside this one. */
const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');

/** The module that a file holds in base64. */
function embedded(file: string): string {
  const constant = /const assembled =([^;]+);/.exec(read(file))![1]!;
  return [...constant.matchAll(/'([^']*)'/g)].map(([, part]) => part).join('');
}

describe('a vector module', () => {
  it.each(['base64-lines', 'quoted-printable-block'])('%s is its source, assembled', async (name) => {
    const module = (await wabt()).parseWat(`${name}.wat`, read(`./${name}.wat`));
    expect(embedded(`./${name}.ts`)).toBe(Buffer.from(module.toBinary({}).buffer).toString('base64'));
  });

  it('runs where the runtime has vectors, and gives way to JavaScript where it cannot', () => {
    const scalar = () => 'JavaScript';
    const assembled = embedded('./base64-lines.ts');
    expect(createWorkspace<unknown>(assembled, scalar)[1]).toBeInstanceOf(Function);
    const [memory, run] = createWorkspace(`${assembled.slice(0, 80)}AAAA`, scalar);
    expect(run).toBe('JavaScript');
    expect(memory).toHaveLength(createWorkspace<unknown>(assembled, scalar)[0].length);
  });
});
