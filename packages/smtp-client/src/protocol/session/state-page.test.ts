import { expect, it } from 'vitest';
import { formatStatePage } from '../../../test/state-diagram.ts';

it('SESS-20 docs/smtp-states.md is what the tables say', async () => {
  await expect(formatStatePage()).toMatchFileSnapshot('../../../../../docs/smtp-states.md');
});
