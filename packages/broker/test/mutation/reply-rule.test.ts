import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { compileReplyRules, type ReplyRule } from '../../src/delivery/reply-rule.ts';
import { BrokerError } from '../../src/errors.ts';

const last: ReplyRule = { id: 'last', category: 'unknown-reason', scope: 'recipient', action: 'retry' };
const replies = [
  { code: 550, enhanced: '5.1.1', lines: ['5.1.1 <bob@example.org>: user unknown'] },
  { code: 421, lines: ['Too many connections (#4.7.0)', 'see https://example.com/x?y'] },
  { code: 452, enhanced: '4.2.2', lines: ['', 'Überlastet'.repeat(50)] },
];

it(`MUT-01 compileReplyRules gives rules that match, or a typed error: ${mutationCount} damaged rules`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'compileReplyRules',
    samples: [
      '[{"id":"a","code":550,"enhanced":"5.1.*","text":["user * unknown","no such user"],"category":"bad-mailbox","scope":"recipient","action":"suppress"}]',
      '[{"id":"b","code":["4yz",421],"host":"*.example.com","stage":["rcpt","data"],"relay":false,"category":"rate","scope":"destination","action":"pause","afterMs":60000}]',
      '[{"id":"c","shared":true,"enhanced":"none","category":"content","scope":"message","action":"fail","source":"RFC 5321"}]',
    ],
    words: [
      '*',
      '""',
      'null',
      '[]',
      '{}',
      ',',
      '"4yz"',
      '"text":"**"',
      '"id":"last"',
      '"afterMs":',
      '"__proto__":{}',
      '1e99',
    ],
    check(text) {
      let rules: unknown;
      try {
        rules = JSON.parse(text);
      } catch {
        return 'refused';
      }
      try {
        const compiled = compileReplyRules([...(Array.isArray(rules) ? rules : [rules]), last]);
        for (const reply of replies) {
          const found = compiled.match(reply, { stage: 'rcpt', host: 'mx.example.com' });
          expect(typeof found.id).toBe('string');
        }
        return 'accepted';
      } catch (error) {
        expect(error).toSatisfy(BrokerError.isInstance);
        return 'refused';
      }
    },
  });
});
