import { type OptionWalk, optionCases } from '@mb/testkit/option-walk';
import { it } from 'vitest';
import * as config from './config/define.ts';

// It gives a type; a configuration is checked when it is read, by every command and by `mb config check`.
const walk: OptionWalk<typeof config> = { defineConfig: 'result' };

const cases = optionCases(config, walk, 'MB_CLI_CONFIG');

it('OPT-04 defineConfig is the only call of the package', ({ expect }) => {
  expect(Object.keys(config)).toEqual(['defineConfig']);
  expect(cases).toEqual([]);
});
