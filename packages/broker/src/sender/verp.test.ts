import { expect, it } from 'vitest';
import { formatVerp, parseVerp } from './verp.ts';

const verp = { address: 'bounces@example.com', secret: 'sixteen characters or more' };

it('gives every recipient a return path that leads back to it, in any case of letters', () => {
  const path = formatVerp(verp, '17.3');
  expect(path).toMatch(/^bounces\+17\.3-[0-9a-f]{16}@example\.com$/);
  expect(parseVerp(verp, path)).toBe('17.3');
  expect(parseVerp(verp, path.toUpperCase())).toBe('17.3');
});

it.each([
  'bounces@example.com',
  'bounces+17.3@example.com',
  'bounces+17.3-0000000000000000@example.com',
  formatVerp(verp, '17.3').replace('17.3', '17.4'),
  formatVerp(verp, '17.3').replace('example.com', 'example.org'),
  formatVerp({ ...verp, secret: 'another secret of some length' }, '17.3'),
  '',
])('takes %j for no return path of ours', (path) => {
  expect(parseVerp(verp, path)).toBeUndefined();
});
