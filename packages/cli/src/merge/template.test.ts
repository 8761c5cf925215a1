import { expect, it } from 'vitest';
import {
  asHeaderText,
  asHtml,
  asText,
  asUriPart,
  fillTemplate,
  parseTemplate,
  RowProblem,
} from './template.ts';

const COLUMNS = ['email', 'First Name', '', 'code'];
const ROW = ['bob@example.org', 'Bob', '', ''];
const fill = (
  text: string,
  row: readonly string[] = ROW,
  safe: (value: string, name: string) => string = asText,
) => fillTemplate(parseTemplate(text, 'the text', COLUMNS), row, safe);

it('fills gaps by name, in either case and with spaces', () => {
  expect(fill('{{first name}} <{{ EMAIL }}>{{email}}')).toBe('Bob <bob@example.org>bob@example.org');
  expect(fill('no gap')).toBe('no gap');
  expect(fill('')).toBe('');
  expect(fill('a } b }} c { d \\{{x}}')).toBe('a } b }} c { d {{x}}');
});

it('has a text for rows without a value, and refuses those without either', () => {
  expect(fill('{{code|none}} {{code|}}.')).toBe('none .');
  expect(fill('{{First Name | you}}')).toBe('Bob');
  expect(() => fill('{{code}}')).toThrow(new RowProblem('no value for {{code}}, which the text needs'));
  expect(() => fill('{{code}}', ['x'])).toThrow(RowProblem);
});

it.for([
  '{{',
  '{{code',
  '{{code}',
  '{{co\nde}}',
  '{{{code}}}',
  '{{}}',
  '{{ }}',
  '{{|x}}',
  '{{nonsense}}',
  '{{a{{b}}',
])('refuses %j before anything is sent', (text) => {
  expect(() => parseTemplate(text, 'the text', COLUMNS)).toThrow(
    expect.objectContaining({ code: 'MB_CLI_RECIPIENTS' }),
  );
});

it('reads no gap in a value', () => {
  expect(fill('{{first name}}', ['', '{{email}} $& $1'])).toBe('{{email}} $& $1');
});

it('makes values safe for where they stand', () => {
  expect(fill('{{email}}', ['<a href="x">\'&'], asHtml)).toBe('&#60;a href=&#34;x&#34;&#62;&#39;&#38;');
  expect(fill('{{email}}', ['a b+c@d/é'], asUriPart)).toBe('a%20b%2Bc%40d%2F%C3%A9');
  for (const value of ['a\nb', 'a\rb', 'a\0b', 'a\x7fb', 'a\x85b', 'a\u2028b']) {
    expect(() => fill('{{email}}', [value], asHeaderText)).toThrow(RowProblem);
  }
  expect(fill('{{email}}', ['a\tb é'], asHeaderText)).toBe('a\tb é');
});
