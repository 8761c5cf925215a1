import { describe, expect, it } from 'vitest';
import { parseMessage } from './index.ts';

async function read(header: string) {
  const { messageId, inReplyTo, references, defects, root } = await parseMessage(
    new TextEncoder().encode(`${header}\r\n\r\nx`),
  );
  return {
    messageId,
    inReplyTo,
    references,
    contentId: root.contentId,
    defects: defects.map(({ code }) => code),
  };
}

describe('identifiers of received mail', () => {
  // RFC 5322 §3.6.4, §4.5.4: comments, white space and quoted left sides are valid.
  it.each([
    ['<abc@example.com>', '<abc@example.com>'],
    ['(c) < abc@example.com > (c)', '<abc@example.com>'],
    ['<"a b"@example.com>', '<"a b"@example.com>'],
    ['<"a>b"@example.com>', '<"a>b"@example.com>'],
    ['<abc@[192.0.2.1]>', '<abc@[192.0.2.1]>'],
  ])('PARSE-42 reads Message-ID: %s', async (value, messageId) => {
    expect(await read(`Message-ID: ${value}`)).toMatchObject({ messageId, defects: [] });
  });

  it.each([
    ['abc@example.com', '<abc@example.com>'],
    ['abc', '<abc>'],
    ['"<abc@example.com>"', '<abc@example.com>'],
    ['<abc\r\n def@example.com>', '<abc def@example.com>'],
    ['<<abc@example.com>>', '<abc@example.com>'],
    ['<abc@example.com', '<abc@example.com>'],
    ['id <abc@example.com>', '<abc@example.com>'],
  ])('PARSE-43 reads Message-ID: %s with a defect', async (value, messageId) => {
    expect(await read(`Message-ID: ${value}`)).toMatchObject({ messageId, defects: ['identifier-invalid'] });
  });

  it('PARSE-43 reports an identifier that cannot be read', async () => {
    for (const value of [
      '<>',
      '<a\0@x.test>',
      `<${'é'.repeat(600)}>`,
      'no identifier here',
      `<${'a'.repeat(999)}>`,
      '<',
      '"',
    ])
      expect((await read(`In-Reply-To: ${value}`)).defects, value).toEqual(['identifier-invalid']);
  });

  it('PARSE-42 reads lists of identifiers', async () => {
    const { references, inReplyTo, defects } = await read(
      'References: <a@x.test><b@x.test>,\r\n <c@x.test> (d)\r\nIn-Reply-To: <c@x.test>',
    );
    expect([references, inReplyTo, defects]).toEqual([
      ['<a@x.test>', '<b@x.test>', '<c@x.test>'],
      ['<c@x.test>'],
      [],
    ]);
    const bare = await read('References: a@x.test b@x.test\r\nIn-Reply-To: Your message of "Mon" <c@x.test>');
    expect([bare.references, bare.inReplyTo]).toEqual([['<a@x.test>', '<b@x.test>'], ['<c@x.test>']]);
    expect(bare.defects).toEqual(['identifier-invalid']);
  });

  it('PARSE-42 reads a Content-ID with blanks or a comment, and with a defect one that has blanks inside', async () => {
    const type = 'Content-Type: image/png\r\nContent-ID:';
    expect(await read(`${type} <a@x.test> (logo)`)).toMatchObject({ contentId: 'a@x.test', defects: [] });
    expect(await read(`${type} < a@x.test >`)).toMatchObject({ contentId: 'a@x.test', defects: [] });
    expect(await read(`${type} <image 1@x.test>`)).toMatchObject({
      contentId: 'image 1@x.test',
      defects: ['identifier-invalid'],
    });
    expect(await read(`${type} image1`)).toMatchObject({
      contentId: 'image1',
      defects: ['identifier-invalid'],
    });
  });
});
