import { expect, it } from 'vitest';
import { allRows } from './every-row.ts';

it('reads page after page, short and empty ones too, until one has no next', async () => {
  const pages: Record<string, { rows: number[]; next?: string }> = {
    first: { rows: [1, 2], next: 'second' },
    second: { rows: [], next: 'third' },
    third: { rows: [3] },
  };
  const asked: (string | undefined)[] = [];
  const rows = await allRows(async ({ after }) => {
    asked.push(after);
    return pages[after ?? 'first']!;
  });
  expect(rows).toEqual([1, 2, 3]);
  expect(asked).toEqual([undefined, 'second', 'third']);
});
