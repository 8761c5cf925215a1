import { expect, it } from 'vitest';
import { everyPage, everyRow } from './every-page.ts';

const pages: Record<string, { rows: number[]; next?: string }> = {
  first: { rows: [1, 2], next: 'second' },
  second: { rows: [], next: 'third' },
  third: { rows: [3] },
};

it('reads page after page, short and empty ones too, until one has no next', async () => {
  const asked: (string | undefined)[] = [];
  const list = async ({ after }: { readonly after?: string }) => {
    asked.push(after);
    return pages[after ?? 'first']!;
  };
  const read: (readonly number[])[] = [];
  for await (const rows of everyPage(list)) read.push(rows);
  expect(read).toEqual([[1, 2], [], [3]]);
  expect(asked).toEqual([undefined, 'second', 'third']);
});

it('reads no page that is not asked for', async () => {
  let asked = 0;
  const list = async () => ({ rows: [++asked], next: 'more' });
  for await (const row of everyRow(list)) if (row === 2) break;
  expect(asked).toBe(2);
});
