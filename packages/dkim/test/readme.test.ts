import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('the example of the README runs and says what it says', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```js\n([\s\S]*?)```/.exec(readme)![1]!;
  const promised = /console\.log\([^\n]*\/\/ (.*)/.exec(code)![1];
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const args = ['--conditions=@mb/source', '--input-type=module', '--eval', code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
  expect(stdout.trim()).toBe(promised);
});
