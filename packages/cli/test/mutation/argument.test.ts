import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { InvalidArgumentError } from 'commander';
import { expect, it } from 'vitest';
import { parseKeyName } from '../../src/dkim/key-file.ts';
import { CliError } from '../../src/errors.ts';
import { parseIp, parseMoment, parseSeconds } from '../../src/parse-flag.ts';
import { StoreLocation } from '../../src/queue/location.ts';
import { parseListenAddress } from '../../src/serve/flags.ts';

/** Readers of the values of flags, each with values that it takes. */
const readers = {
  parseIp: [parseIp, ['192.0.2.1', '2001:db8::1']],
  parseMoment: [parseMoment, ['2026-01-31T12:00:00Z', '2026-01-31']],
  parseSeconds: [parseSeconds, ['1', '3600']],
  parseKeyName: [(text: string) => parseKeyName(text, undefined), ['s1:/etc/mb/dkim.pem']],
  parseListenAddress: [parseListenAddress, ['127.0.0.1:8025', '[::1]:25', ':80', '8025']],
  'StoreLocation.parse': [
    (text: string) => {
      const location = StoreLocation.parse(text);
      expect(String(location)).not.toContain(':geheim@');
      return location.kind === 'postgres' ? [location.identity, location.connection] : location.path;
    },
    ['queue.db', 'postgres://mail:geheim@db.example.com:5432/mail?schema=mb&sslmode=require'],
  ],
} as const;

it.each(Object.entries(readers))(
  `MUT-01 %s reads the value of a flag, or says what it must be: ${mutationCount} damaged values`,
  { timeout: mutationTimeoutMs },
  async (name, [read, samples]) => {
    await mutateText({
      name,
      samples,
      words: [':', '::', '[', ']', '/', '//', '@', '%', '?', '=', '-', '.', 'postgres://', '1e99', ' '],
      check(text) {
        try {
          read(text);
          return 'accepted';
        } catch (error) {
          if (!(error instanceof InvalidArgumentError) && !CliError.isInstance(error)) throw error;
          expect((error as Error).message).not.toMatch(/undefined|\[object|:geheim/);
          return 'refused';
        }
      },
    });
  },
);
