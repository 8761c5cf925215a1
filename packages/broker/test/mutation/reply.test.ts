import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { explainReply, parseReply } from '../../src/delivery/reply-explanation.ts';
import { generateMasterKey, parseMasterKeys } from '../../src/encryption/index.ts';
import { BrokerError } from '../../src/errors.ts';
import { parseServerDelay } from '../../src/store/backoff.ts';

const timeout = mutationTimeoutMs;

it(`MUT-01 parseReply and explainReply give what follows, or MB_BROKER_OPTION: ${mutationCount} damaged replies`, {
  timeout,
}, async () => {
  await mutateText({
    name: 'parseReply',
    samples: [
      '550-5.1.1 <bob@example.org>: Recipient address rejected\r\n550 5.1.1 User unknown',
      '421 4.7.0 Try again in 5 minutes, too many connections',
      '452-4.2.2 The mailbox is full 452 4.2.2 https://example.com/',
    ],
    words: ['550', '421', '-', ' ', '5.1.1', '\r\n', '\\r\\n', '\n', '4.', 'minutes', '99999999999'],
    check(text) {
      let reply: ReturnType<typeof parseReply>;
      try {
        reply = parseReply(text);
      } catch (error) {
        if (!BrokerError.isInstance(error)) throw error;
        expect(error.code).toBe('MB_BROKER_OPTION');
        return 'refused';
      }
      const { consequence, rule } = explainReply(reply, { stage: 'rcpt', host: 'mx.example.org' });
      expect(consequence).not.toMatch(/undefined|NaN/);
      expect(rule).toBeDefined();
      const delay = parseServerDelay(reply.lines.join(' '));
      if (delay !== undefined) expect(delay).toBeGreaterThanOrEqual(0);
      return 'accepted';
    },
  });
});

it(`MUT-01 parseMasterKeys takes keys or says that one is wrong, without repeating it: ${mutationCount} damaged files`, {
  timeout,
}, async () => {
  const key = generateMasterKey();
  await mutateText({
    name: 'parseMasterKeys',
    samples: [key, `${key}\n${generateMasterKey()}\n`, `# a comment\n${key}`],
    words: ['\n', '\r\n', '#', ' ', '=', key.slice(0, 10), '-', '_'],
    check(text) {
      try {
        expect(parseMasterKeys(text).length).toBeGreaterThan(0);
        return 'accepted';
      } catch (error) {
        if (!BrokerError.isInstance(error)) throw error;
        expect(error.code).toBe('MB_BROKER_MASTER_KEY');
        expect(error.message).not.toContain(key.slice(10, 30));
        return 'refused';
      }
    },
  });
});
