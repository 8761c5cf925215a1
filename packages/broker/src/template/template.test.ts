import { composeMessage, parseMessage } from '@mb/mime';
import { expect, it } from 'vitest';
import { BrokerError } from '../errors.ts';
import { parseMessageTemplate, type TemplateValues } from './message-template.ts';

const from = 'ann@example.com';
const values = { email: 'bob@example.org', 'First Name': 'Bob', code: 7 };
const fill = (text: string, given: TemplateValues = values) =>
  parseMessageTemplate({ from, text }).render(given).text;
const codeOf = (call: () => unknown) => {
  try {
    call();
  } catch (error) {
    if (BrokerError.isInstance(error)) return error.code;
    throw error;
  }
  return 'none';
};

it('TPL-01 TPL-11 fills gaps by name, in either case and with spaces around it', () => {
  expect(fill('{{first name}} <{{ EMAIL }}>{{email}} {{code}}')).toBe(
    'Bob <bob@example.org>bob@example.org 7',
  );
  expect(fill('no gap')).toBe('no gap');
  expect(fill('')).toBe('');
  expect(fill('a } b }} c { d \\{{x}}')).toBe('a } b }} c { d {{x}}');
});

it('TPL-02 TPL-12 takes the text of the gap where there is no value, and an empty value is a value', () => {
  expect(fill('{{x|none}} {{x|}}.')).toBe('none .');
  expect(fill('{{First Name | you}}')).toBe('Bob');
  expect(fill('{{x|none}}.', { x: '' })).toBe('.');
  expect(fill('{{x|none}}.', { x: undefined })).toBe('none.');
});

it('TPL-03 names every value that is missing, in one error', () => {
  const template = parseMessageTemplate({ from, subject: '{{a}}', text: '{{a}} {{B}} {{c|-}}' });
  const message =
    'The template cannot be filled: no value for {{a}}, which the subject needs; no value for {{a}}, which the text needs; no value for {{B}}, which the text needs.';
  expect(() => template.render({})).toThrow(
    expect.objectContaining({ code: 'MB_BROKER_TEMPLATE_VALUES', kind: 'invalid-input', message }),
  );
  expect(template.variables).toEqual([
    { name: 'a', required: true, usedIn: ['the subject', 'the text'] },
    { name: 'B', required: true, usedIn: ['the text'] },
    { name: 'c', required: false, usedIn: ['the text'] },
  ]);
});

it.for(['{{', '{{code', '{{code}', '{{co\nde}}', '{{{code}}}', '{{}}', '{{ }}', '{{|x}}', '{{a{{b}}'])(
  'TPL-04 refuses %j when the template is read',
  (text) => {
    expect(codeOf(() => parseMessageTemplate({ from, text }))).toBe('MB_BROKER_TEMPLATE');
  },
);

it('TPL-05 reads no gap in a value', () => {
  expect(fill('{{first name}}', { 'first name': '{{email}} $& $1' })).toBe('{{email}} $& $1');
});

it('TPL-06 TPL-18 TPL-17 escapes values for HTML and for a URI, and keeps line breaks out of header fields', async () => {
  const template = parseMessageTemplate({
    from,
    to: 'bob@example.org',
    subject: 'S {{s|-}}',
    html: '<p title="{{v}}">{{v}}</p>',
    headers: { 'X-Code': '{{s|-}}', 'X-More': ['{{s|-}}', 'b'] },
    list: { unsubscribe: 'https://example.com/{{v}}', oneClick: true },
  });
  const v = '<a href="x">\'& /\ud800';
  const message = template.render({ v });
  const parsed = await parseMessage(await composeMessage(message).bytes());
  expect(message.html).toBe(
    `<p title="&#60;a href=&#34;x&#34;&#62;&#39;&#38; /\ud800">&#60;a href=&#34;x&#34;&#62;&#39;&#38; /\ud800</p>`,
  );
  expect(parsed.headers.get('List-Unsubscribe')).toBe(
    "<https://example.com/%3Ca%20href%3D%22x%22%3E'%26%20%2F%EF%BF%BD>",
  );
  expect(parsed.headers.get('List-Unsubscribe-Post')).toBe('List-Unsubscribe=One-Click');
  for (const s of ['a\nb', 'a\rb', 'a\0b', 'a\x7fb', 'a\x85b', 'a\u2028b', 'a\r\nBcc: eve@example.net']) {
    expect(codeOf(() => template.render({ v, s }))).toBe('MB_BROKER_TEMPLATE_VALUES');
  }
  expect(template.render({ v, s: 'a\tb é' }).subject).toBe('S a\tb é');
});

it.for([[{ a: true }], [{ a: {} }]])('TPL-07 refuses the values %j', ([given]) => {
  expect(() => fill('{{a}}', given as unknown as TemplateValues)).toThrow('"a" must be a string or a number');
});

it('TPL-20 refuses a value that is given twice', () => {
  expect(() => fill('{{a}}', { a: '1', A: '2' })).toThrow('"A" is given twice');
});

it.for([[{ from, subject: 7 }], [{ from, headers: { 'X-A': 7 } }]])(
  'refuses a template with a field of another type: %j',
  ([message]) => {
    expect(codeOf(() => parseMessageTemplate(message as never))).toBe('MB_BROKER_OPTION');
  },
);
