import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { applyConfig } from '../../src/config/apply.ts';
import { CliError } from '../../src/errors.ts';
import { createProgram } from '../../src/program.ts';

it(`MUT-01 applyConfig takes a configuration or names what is wrong with it: ${mutationCount} damaged configurations`, {
  timeout: mutationTimeoutMs,
}, async () => {
  // A program is created again after a configuration was applied, since it keeps the values.
  let program = await createProgram();
  await mutateText({
    name: 'applyConfig',
    samples: [
      '{"from":"ann@example.com","hostname":"mail.example.com","send":{"cc":["a@example.org"],"timeout":30}}',
      '{"store":"queue.db","queue":{"ls":{"json":true}},"work":{"ehlo":"x"}}',
      '{"resolver":["127.0.0.1"],"port":2525,"allow":"127.0.0.0/8","tls":"required","dkimKey":"key.pem"}',
    ],
    words: [
      '"send":',
      '"from":',
      '{}',
      '[]',
      'null',
      '""',
      'true',
      '1e99',
      '-1',
      '"__proto__":{}',
      '"constructor":1',
      ',',
    ],
    async check(text) {
      let content: unknown;
      try {
        content = JSON.parse(text);
      } catch {
        return 'refused';
      }
      if (typeof content !== 'object' || content === null || Array.isArray(content)) return 'refused';
      try {
        applyConfig(program, { path: '/etc/mb.config.json', content: content as Record<string, unknown> });
        program = await createProgram();
        return 'accepted';
      } catch (error) {
        expect(error).toSatisfy(CliError.isInstance);
        expect((error as Error).message).not.toMatch(/undefined|\[object/);
        return 'refused';
      }
    },
  });
});
