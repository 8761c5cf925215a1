import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeMutationFolder, mutateOctets, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { afterAll, expect, it } from 'vitest';
import { CliError } from '../../src/errors.ts';
import { RecipientsFile } from '../../src/merge/recipients-file.ts';
import { ResultsFile } from '../../src/merge/results-file.ts';

const folder = makeMutationFolder();
afterAll(() => rmSync(folder, { recursive: true }));

it(`MUT-01 RecipientsFile reads rows or names what is wrong: ${mutationCount} damaged files`, {
  timeout: mutationTimeoutMs,
}, async () => {
  const path = join(folder, 'recipients.csv');
  const read = async () => {
    const file = await RecipientsFile.open(path);
    const rows: (readonly string[])[] = [];
    for await (const { values } of file.rows()) rows.push(values);
    return { columns: file.columns, rows, digest: file.digest };
  };
  await mutateOctets({
    name: 'RecipientsFile',
    samples: [
      'email,name\r\nann@example.com,"A, ""B"""\r\nbob@example.org,Bob\r\n',
      '\ufeffemail;name\nann@example.com;"two\nlines"\n\n;\n',
      'name\temail\nÄnne\tann@example.com\n',
    ].map((text) => new Uint8Array(Buffer.from(text))),
    words: ['"', '""', ',', ';', '\t', '\r\n', '\n', '\r', 'email', '\xef\xbb\xbf'],
    async check(octets, { integer }) {
      writeFileSync(path, octets);
      try {
        const first = await read();
        // The same octets give the same rows: a second run goes on where the first one ended.
        if (integer(1, 8) === 1) expect(await read()).toEqual(first);
        expect(first.digest).toMatch(/^[0-9a-f]{64}$/);
        return 'accepted';
      } catch (error) {
        if (!CliError.isInstance(error)) throw error;
        return 'refused';
      }
    },
  });
});

it(`MUT-01 ResultsFile reads results or refuses the file: ${mutationCount} damaged files`, {
  timeout: mutationTimeoutMs,
}, async () => {
  const path = join(folder, 'results.jsonl');
  const run = `{"format":"mb-results-1","runId":"r","at":"2026-11-20T10:00:00.000Z","recipients":"a","message":"b","target":"send"}\n`;
  await mutateOctets({
    name: 'ResultsFile',
    samples: [
      `${run}{"row":2,"address":"ann@example.com","status":"delivered","at":"x"}\n{"row":3,"address":"bob@example.org","status":"failed","at":"x"}\n`,
      `${run}{"row":2,"address":"ann@example.com","status":"deferred","at":"x"}\n${run}{"row":2,"address":"ann@`,
    ].map((text) => new Uint8Array(Buffer.from(text))),
    words: ['\n', '"row":', '"status":"queued"', '{', '}', 'null', '-1', '2147483648', run],
    async check(octets) {
      writeFileSync(path, octets, { mode: 0o600 });
      try {
        const looked = await ResultsFile.read(path);
        const file = await ResultsFile.open(path);
        expect(file.lastRun).toEqual(looked.lastRun);
        await file.close();
        return 'accepted';
      } catch (error) {
        if (!CliError.isInstance(error)) throw error;
        return 'refused';
      }
    },
  });
});
