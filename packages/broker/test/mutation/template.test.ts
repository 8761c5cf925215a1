import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { BrokerError } from '../../src/errors.ts';
import { parseMessageTemplate } from '../../src/template/message-template.ts';

it(`MUT-01 parseMessageTemplate fills gaps or names them, and a header gets no line break: ${mutationCount} damaged templates`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'parseMessageTemplate',
    samples: [
      'Hello {{name}}, your code is {{code|none}}.',
      '\\{{ {{ name | friend }} }}',
      '{{code}}{{name}}',
    ],
    words: ['{{', '}}', '{', '}', '|', '\\', 'name', 'code', '\n', '{{name}}'],
    check(text, { pick }) {
      const value = pick(['Ann', '', 'a\r\nBcc: eve@example.net', '\u2028', '{{name}}']);
      try {
        const template = parseMessageTemplate({ from: 'ann@example.com', subject: text });
        const filled = template.render({ name: value, code: 'c' }).subject;
        if (!/[\r\n\u2028]/.test(text)) expect(filled).not.toMatch(/[\r\n\u2028]/);
        return 'accepted';
      } catch (error) {
        if (!BrokerError.isInstance(error)) throw error;
        return 'refused';
      }
    },
  });
});
