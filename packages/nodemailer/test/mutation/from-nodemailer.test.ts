import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { fromNodemailer, NodemailerBridgeError } from '../../src/index.ts';

it(`MUT-01 fromNodemailer converts a message or says what is wrong: ${mutationCount} damaged messages`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'fromNodemailer',
    samples: [
      '{"from":"Ann <ann@sender.test>","to":["bob@one.test",{"name":"Eve","address":"eve@two.test"}],"subject":"Hi","text":"x"}',
      '{"from":"a@sender.test","to":"b@one.test, c@two.test","html":"<p>x</p>","headers":{"x-one":["a","b"]},"attachments":[{"filename":"a.txt","content":"eA==","encoding":"base64","cid":"a@b"}]}',
      '{"raw":"From: a@sender.test\\r\\nTo: b@one.test\\r\\n\\r\\nx","envelope":{"from":"a@sender.test","to":"b@one.test"}}',
      '{"from":"a@sender.test","to":"b@one.test","list":{"unsubscribe":{"url":"https://sender.test/u","comment":"x"}},"icalEvent":{"method":"request","content":"BEGIN:VCALENDAR"},"dsn":{"notify":["failure"],"return":"headers"}}',
    ],
    words: [
      'null',
      '[]',
      '{}',
      '""',
      '"to":',
      '"cc":',
      '"alternatives":',
      '"amp":',
      '"path":1',
      '-1',
      ',',
      '"date":',
    ],
    async check(text) {
      let given: unknown;
      try {
        given = JSON.parse(text);
      } catch {
        return 'refused';
      }
      try {
        expect(await fromNodemailer(given as never)).toBeTypeOf('object');
        return 'accepted';
      } catch (error) {
        if (!NodemailerBridgeError.isInstance(error)) throw error;
        expect(error.message).not.toMatch(/\[object/);
        return 'refused';
      }
    },
  });
});
