import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { pagePath, writePage } from '../scripts/reply-rules-page.ts';

it('RPL-07 lists the default reply rules in docs/reply-rules.md', () => {
  expect(readFileSync(pagePath, 'utf8')).toBe(writePage());
});
