import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type DefectCode, type ParsedMessage, type ParsedPart, parseMessage } from './index.ts';

/** A message of test/vectors/malformed.json, whose SOURCES.md says what the members mean. */
interface Vector {
  readonly name: string;
  readonly lines: readonly string[];
  readonly defects: readonly DefectCode[];
  readonly text?: string;
  readonly filename?: string;
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../test/vectors/malformed.json', import.meta.url), 'utf8'),
);

const latin1 = (octets: Uint8Array) => Buffer.from(octets).toString('latin1');

/** Everything that the parser gives: the fields and the content of all parts. */
function allOctets({ headers, content, parts, message }: ParsedPart): string {
  const own = headers.fields.map(({ raw }) => latin1(raw)).join('') + latin1(content);
  return own + parts.map(allOctets).join('') + (message === undefined ? '' : allOctets(message.root));
}

function codesOf(message: ParsedMessage): DefectCode[] {
  return message.defects.map(({ code }) => code);
}

describe('malformed mail', () => {
  it.each(vectors)('PARSE-01 PARSE-69 keeps all octets and reports what is wrong: $name', async (vector) => {
    const octets = Buffer.from(vector.lines.join('\r\n'), 'latin1');
    const message = await parseMessage(octets);
    expect(codesOf(message)).toEqual(vector.defects);
    const given = allOctets(message.root);
    for (const word of latin1(octets).match(/KEEP\d/g) ?? []) expect(given).toContain(word);
    if (vector.text !== undefined) expect(message.text?.trimEnd()).toBe(vector.text);
    if (vector.filename !== undefined)
      expect((message.attachments[0] ?? message.textBody[0])?.filename).toBe(vector.filename);
    const cut = await parseMessage(eachOctet(octets));
    expect([codesOf(cut), allOctets(cut.root)]).toEqual([codesOf(message), given]);
  });
});

async function* eachOctet(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  for (const octet of octets) yield Uint8Array.of(octet);
}
