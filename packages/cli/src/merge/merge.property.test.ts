import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeMessage, parseMessage } from '@mb/mime';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { MergedMessage } from './merged-message.ts';
import { type CsvRow, RecipientsFile } from './recipients-file.ts';
import { RowProblem } from './row-problem.ts';

const folder = mkdtempSync(join(tmpdir(), 'mb-merge-property-'));
const path = join(folder, 'people.csv');
afterAll(() => rmSync(folder, { recursive: true }));

/** Values with all that has a meaning anywhere on the way. */
const value = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\r',
      '\n',
      '\0',
      ':',
      ',',
      ';',
      '"',
      '<',
      '>',
      '@',
      '(',
      '=?',
      '?=',
      '{{',
      '}}',
      '\\',
      '.',
      ' ',
    ),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 30,
});
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

it('gives what the file holds, and no value makes another field or recipient', async () => {
  await fc.assert(
    fc.asyncProperty(value, value, async (name, code) => {
      writeFileSync(path, `email,name,code\r\nbob@example.org,${quoted(name)},${quoted(code)}\r\n`);
      const file = await RecipientsFile.open(path);
      const rows: CsvRow[] = [];
      for await (const row of file.rows()) rows.push(row);
      expect(rows).toEqual([{ row: 2, values: ['bob@example.org', name, code] }]);
      const base = {
        from: 'ann@example.com',
        subject: 'S {{code|-}}',
        text: '{{code|-}}',
        html: '<p title="{{code|-}}">{{name|-}}</p>',
        headers: [['X-Code', '{{code|-}}']] as const,
      };
      const message = new MergedMessage(base, {}, file);
      try {
        message.check(rows[0]!);
      } catch (error) {
        expect(error).toBeInstanceOf(RowProblem);
        return;
      }
      const composed = composeMessage(message.compose(rows[0]!).message);
      expect(composed.envelope.to).toEqual(['bob@example.org']);
      const parsed = await parseMessage(await composed.bytes());
      const names = parsed.headers.fields.map((field) => field.name);
      expect(names).toEqual([
        'From',
        'To',
        'Subject',
        'Date',
        'Message-ID',
        'X-Code',
        'MIME-Version',
        'Content-Type',
      ]);
      expect(parsed.to).toHaveLength(1);
      expect(parsed.html?.match(/[<>]/g)).toEqual(['<', '>', '<', '>']);
    }),
  );
});
