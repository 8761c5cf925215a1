import { expect, it } from 'vitest';
import { checkSelector, type Selector } from './selector.ts';

it('SAFE-106 a selector that selects nothing, or by a misspelt or undefined key, does not compile', () => {
  const domain = undefined as string | undefined;
  const wrong: readonly Selector[] = [
    // @ts-expect-error -- It has no condition.
    {},
    // @ts-expect-error -- "domain" is meant.
    { domian: 'x.test' },
    // @ts-expect-error -- An unset variable would select everything.
    { domain },
    // @ts-expect-error -- The whole queue, or a part of it.
    { all: true, domain: 'x.test' },
    // @ts-expect-error -- It is true or absent.
    { all: false },
  ];
  for (const selector of wrong) {
    expect(() => checkSelector(selector)).toThrow(expect.objectContaining({ code: 'MB_BROKER_SELECTOR' }));
  }
  const right: readonly Selector[] = [{ all: true }, { domain: 'x.test' }, { tenant: null, tag: 'news' }];
  for (const selector of right) expect(() => checkSelector(selector)).not.toThrow();
});
