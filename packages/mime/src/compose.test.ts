import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CLOCK_MS, codeOf, composeText, fieldOf, fieldsOf } from '../test/compose-text.ts';
import { seededBytes } from '../test/seeded-bytes.ts';
import { composeMessage, encodeBase64, encodeQuotedPrintable, type Message, parseMessage } from './index.ts';

const utf8 = new TextEncoder();
const lines = (text: string) => text.replace(/\r\n|\r|\n/g, '\r\n');
const names = (text: string) => fieldsOf(text).map(([name]) => name);

async function* chunks(...pieces: (Uint8Array | string)[]) {
  for (const piece of pieces) yield piece;
}

describe('composeMessage', () => {
  it('writes a plain message', async () => {
    expect(
      await composeText({
        from: 'Ann <ann@example.com>',
        to: 'bob@example.net',
        subject: 'Hi',
        text: 'Hello',
      }),
    ).toBe(
      [
        'From: Ann <ann@example.com>',
        'To: bob@example.net',
        'Subject: Hi',
        'Date: Tue, 14 Nov 2023 22:13:20 +0000',
        'Message-ID: <loyw3v28.419627c4f995d99cbf0f0a31@example.com>',
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: 7bit',
        '',
        'Hello',
        '',
      ].join('\r\n'),
    );
  });

  it('MIME-08 writes no line over 998 octets, whatever the input', async () => {
    const long = 'x'.repeat(3000);
    const text = await composeText({
      from: { name: `${long} ${'é'.repeat(500)}`, address: 'ann@example.com' },
      to: Array.from({ length: 500 }, (_, i) => `Recipient ${i} <r${i}@example.com>`),
      subject: long,
      text: `${long}\n${'é'.repeat(3000)}`,
      html: long,
      headers: { 'X-Long': long },
      attachments: [{ filename: 'f'.repeat(900), content: long }],
    });
    for (const line of text.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
    const header = text.slice(0, text.indexOf('\r\n\r\n'));
    for (const line of header.split('\r\n')) expect(line.length).toBeLessThanOrEqual(78);
    expect(await codeOf(() => composeText({ messageId: `${long}@example.com` }))).toBe('MB_MIME_MESSAGE_ID');
    expect(await codeOf(() => composeText({ references: [long] }))).toBe('MB_MIME_MESSAGE_ID');
    expect(await codeOf(() => composeText({ list: { help: `https://example.com/${long}` } }))).toBe(
      'MB_MIME_LIST_URI',
    );
  });

  it('MIME-10 writes exactly the fields that were asked for, whatever their values', async () => {
    const plain = names(
      await composeText({ to: 'b@example.net', subject: 's', headers: { 'X-A': 'a' }, text: 't' }),
    );
    const bad = fc.string({
      unit: fc.constantFrom('\r', '\n', '\0', '\x0b', '\x1f', 'a', ':', ' ', 'é', '<', '>', '"'),
    });
    await fc.assert(
      fc.asyncProperty(bad, bad, bad, async (subject, name, value) => {
        let text: string;
        try {
          const to = { name, address: 'b@example.net' };
          text = await composeText({ to, subject, headers: { 'X-A': value }, text: 't' });
        } catch (error) {
          expect((error as { code: string }).code).toBe('MB_MIME_HEADER_VALUE');
          return;
        }
        expect(names(text)).toEqual(plain);
        expect(text).not.toMatch(/[\0\x0b\x1f]|[^\r]\n|\r[^\n]/);
      }),
    );
  });

  it.each<[string, Partial<Message>]>([
    ['MB_MIME_HEADER_VALUE', { subject: 'a\r\nBcc: x@example.com' }],
    ['MB_MIME_HEADER_VALUE', { to: { name: 'a\nb', address: 'b@example.net' } }],
    ['MB_MIME_ADDRESS_SYNTAX', { to: 'b\r\nX: y@example.net' }],
    ['MB_MIME_HEADER_NAME', { headers: { 'X-A\r\nBcc': 'x' } }],
    ['MB_MIME_HEADER_VALUE', { headers: { 'X-A': 'x\nBcc: y' } }],
    ['MB_MIME_FILENAME', { attachments: [{ filename: 'a\r\nb', content: '' }] }],
    ['MB_MIME_CONTENT_TYPE', { attachments: [{ contentType: 'text/plain\r\nX: y', content: '' }] }],
    ['MB_MIME_CONTENT_ID', { attachments: [{ contentId: 'a>\r\nX: y', content: '' }] }],
    ['MB_MIME_HEADER_VALUE', { attachments: [{ content: '', headers: { 'X-A': 'x\r\n\r\ny' } }] }],
    ['MB_MIME_CONTENT_TYPE', { alternatives: [{ contentType: 'text/calendar\nX: y', content: '' }] }],
    ['MB_MIME_MESSAGE_ID', { messageId: '<a@b>\r\nX: y' }],
    ['MB_MIME_MESSAGE_ID', { inReplyTo: ['a\nb@c'] }],
    ['MB_MIME_LIST_URI', { list: { help: 'mailto:a@b\r\nX: y' } }],
    ['MB_MIME_LIST_URI', { list: { id: 'a\r\nb' } }],
    ['MB_MIME_HEADER_VALUE', { feedbackId: 'a\nb' }],
    ['MB_MIME_OPTION', { autoSubmitted: 'no\r\nX: y' as 'no' }],
    ['MB_MIME_OPTION', { priority: '__proto__' as 'high' }],
  ])('MIME-26 refuses what would break out of its field: %s %#', async (code, message) => {
    expect(await codeOf(() => composeText(message))).toBe(code);
  });

  it('MIME-65 takes __proto__ and constructor as ordinary header names', async () => {
    const text = await composeText({
      headers: [
        ['__proto__', 'a'],
        ['constructor', 'b'],
        ['X-A', '1'],
        ['X-A', '2'],
      ],
    });
    expect(fieldOf(text, '__proto__')).toBe('a');
    expect(fieldOf(text, 'constructor')).toBe('b');
    expect(fieldsOf(text).filter(([name]) => name === 'X-A')).toEqual([
      ['X-A', '1'],
      ['X-A', '2'],
    ]);
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  it('MIME-12 writes From, Date, Message-ID and MIME-Version once', async () => {
    const counted = names(await composeText({ subject: 's', text: 't' })).map((name) => name.toLowerCase());
    for (const name of ['from', 'date', 'message-id', 'mime-version'])
      expect(counted.filter((one) => one === name)).toHaveLength(1);
    expect(await codeOf(() => composeText({ from: [] }))).toBe('MB_MIME_FROM_MISSING');
    expect(await codeOf(() => composeMessage({} as Message))).toBe('MB_MIME_FROM_MISSING');
  });

  it('MIME-75 wants a Sender for several authors', async () => {
    expect(await codeOf(() => composeText({ from: ['a@example.com', 'b@example.com'] }))).toBe(
      'MB_MIME_SENDER_MISSING',
    );
    expect(
      names(await composeText({ from: ['a@example.com', 'b@example.com'], sender: 'a@example.com' })),
    ).toContain('Sender');
  });

  it('MIME-27 refuses a date that is not one', async () => {
    for (const date of [new Date('garbage'), Number.NaN, 1e17, -1e15]) {
      expect(await codeOf(() => composeText({ date }))).toBe('MB_MIME_DATE');
    }
  });

  it('MIME-76 refuses a custom field that would double a field that may appear once', async () => {
    for (const name of ['Subject', 'FROM', 'date', 'Message-Id', 'content-type', 'References', 'To']) {
      expect(await codeOf(() => composeText({ headers: { [name]: 'x' } }))).toBe('MB_MIME_HEADER_RESERVED');
    }
    expect(await codeOf(() => composeText({ headers: { 'List-Id': ['<a.b>', '<a.b>'] } }))).toBe(
      'MB_MIME_HEADER_DUPLICATE',
    );
    expect(await codeOf(() => composeText({ precedence: 'bulk', headers: { precedence: 'list' } }))).toBe(
      'MB_MIME_HEADER_DUPLICATE',
    );
  });

  it('MIME-13 makes a unique Message-ID', () => {
    const ids = new Set<string>();
    for (let i = 0; i < 1000; i++) ids.add(composeMessage({ from: 'Ann <ann@Example.com>' }).messageId);
    expect(ids.size).toBe(1000);
    for (const id of ids) expect(id).toMatch(/^<[a-z0-9]+\.[0-9a-f]{24}@/);
  });

  it('MIME-82 makes a Message-ID with the domain of the author', () => {
    expect(composeMessage({ from: 'Ann <ann@Example.com>' }).messageId).toMatch(/@Example\.com>$/);
    expect(composeMessage({ from: 'a@faß.de' }).messageId).toMatch(/@xn--fa-hia\.de>$/);
  });

  it('MIME-28 writes a date with a numeric zone', async () => {
    expect(fieldOf(await composeText({ date: new Date(CLOCK_MS + 5000) }), 'Date')).toBe(
      'Tue, 14 Nov 2023 22:13:25 +0000',
    );
  });

  it('MIME-14 keeps Bcc out of the octets and in the envelope', async () => {
    const composed = composeMessage({
      from: 'a@example.com',
      to: 'b@example.net',
      bcc: 'hidden@example.org',
      text: 't',
    });
    expect(composed.envelope).toEqual({ from: 'a@example.com', to: ['b@example.net', 'hidden@example.org'] });
    expect(Buffer.from(await composed.bytes()).toString()).not.toMatch(/^bcc:|hidden/im);
    for (const name of ['Bcc', 'bcc', 'BCC', 'Resent-Bcc', 'resent-bcc']) {
      expect(await codeOf(() => composeText({ headers: { [name]: 'hidden@example.org' } }))).toBe(
        'MB_MIME_HEADER_RESERVED',
      );
    }
    expect(await codeOf(() => composeText({ headers: { 'Bcc\r\n ': 'x' } }))).toBe('MB_MIME_HEADER_NAME');
    const attached = await composeText({
      attachments: [{ message: { from: 'a@example.com', bcc: 'hidden@example.org' } }],
    });
    expect(attached).not.toMatch(/^bcc:|hidden/im);
  });

  it('MIME-15 writes list fields literally', async () => {
    const text = await composeText({
      list: {
        id: { name: 'Neues', id: 'news.example.com' },
        unsubscribe: ['https://example.com/u?a=%2C', 'mailto:u@example.com'],
        oneClick: true,
        post: 'NO',
      },
    });
    expect(text).toContain('\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n');
    expect(fieldOf(text, 'List-Unsubscribe')).toBe('<https://example.com/u?a=%2C>, <mailto:u@example.com>');
    expect(fieldOf(text, 'List-Id')).toBe('Neues <news.example.com>');
    expect(fieldOf(text, 'List-Post')).toBe('NO');
  });

  it('MIME-77 takes https and mailto URIs only in list fields', async () => {
    for (const uri of [
      'http://example.com',
      'javascript:alert(1)',
      'ftp://x',
      'https://a b',
      'https://a,b',
      'x',
      'https://é',
    ]) {
      expect(await codeOf(() => composeText({ list: { unsubscribe: uri } }))).toBe('MB_MIME_LIST_URI');
      expect(await codeOf(() => composeText({ headers: { 'List-Unsubscribe': `<${uri}>` } }))).toBe(
        'MB_MIME_LIST_URI',
      );
    }
    expect(await codeOf(() => composeText({ list: { unsubscribe: 'mailto:a@b', oneClick: true } }))).toBe(
      'MB_MIME_LIST_URI',
    );
    expect(await codeOf(() => composeText({ headers: { 'List-Unsubscribe-Post': 'x' } }))).toBe(
      'MB_MIME_LIST_URI',
    );
  });

  it('MIME-16 takes a path or URL in content for text', async () => {
    const content = ['/etc/passwd', 'file:///etc/passwd', 'https://example.com/'];
    const message = await parseMessage(
      await composeMessage({
        from: 'a@example.com',
        attachments: content.map((one) => ({ content: one })),
      }).bytes(),
    );
    expect(message.attachments.map((part) => Buffer.from(part.content).toString())).toEqual(content);
    for (const key of ['path', 'href', 'url', 'raw']) {
      const attachment = { [key]: '/etc/passwd' } as unknown as { content: string };
      expect(await codeOf(() => composeText({ attachments: [attachment] }))).toBe('MB_MIME_OPTION');
    }
    expect(
      await codeOf(() =>
        composeText({ attachments: [{ content: { path: '/etc/passwd' } as unknown as string }] }),
      ),
    ).toBe('MB_MIME_CONTENT');
  });

  it('MIME-22 labels content as what it is', async () => {
    const cases: [string, string, RegExp][] = [
      ['plain', '7bit', /\r\nplain\r\n$/],
      ['a\rb\nc', '7bit', /\r\na\r\nb\r\nc\r\n$/],
      ['café au lait', 'quoted-printable', /caf=C3=A9/],
      ['日本語', 'base64', /5pel5pys6Kqe/],
      ['nul \0 here', 'quoted-printable', /nul =00 here/],
      ['x'.repeat(999), 'quoted-printable', /x=\r\n/],
      ['x'.repeat(998), '7bit', /x{998}/],
    ];
    for (const [text, encoding, body] of cases) {
      const written = await composeText({ text });
      expect(fieldOf(written, 'Content-Transfer-Encoding')).toBe(encoding);
      expect(written).toMatch(body);
    }
  });

  it('MIME-22 writes what is not ASCII in quoted-printable, or in base64 where that is shorter', async () => {
    const units = fc.constantFrom('a', 'word ', 'é', '日', '🎉', '\ud800', '=', '\t', '\0', '\n');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: units, maxLength: 300 }), async (start) => {
        const text = `${start}é\n`;
        const quoted = encodeQuotedPrintable(text);
        const base64 = encodeBase64(utf8.encode(text));
        const written = await composeText({ text });
        expect(written.split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe(
          quoted.length <= base64.length ? quoted : `${encodeBase64(utf8.encode(lines(text)))}\r\n`,
        );
      }),
    );
  });

  it('MIME-72 writes content of any size in the same lines, in small messages and in large ones', async () => {
    for (const length of [0, 1, 57, 58, 43_604, 43_605, 43_606, 100_000, 2_000_000]) {
      const content = Buffer.from(seededBytes(length)(length));
      const text = await composeText({ attachments: [{ content }, { content: 'second' }] });
      const expected = content.toString('base64').replace(/.{76}(?=.)/g, '$&\r\n');
      expect(text.includes(`\r\n\r\n${expected}\r\n--=_`), `${length} octets`).toBe(true);
      expect(text).toContain('\r\n\r\nc2Vjb25k\r\n--=_');
    }
  });

  it('MIME-22 never labels 8-bit, NUL, bare breaks or long lines 7bit', async () => {
    const content = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constant(new Uint8Array(1200).fill(97)));
    await fc.assert(
      fc.asyncProperty(content, fc.constantFrom('7bit', '8bit'), async (octets, body) => {
        const text = await composeText(
          {
            text: new TextDecoder('latin1').decode(octets),
            attachments: [{ content: octets }, { content: octets, contentType: 'text/csv' }],
          },
          { body: body as '7bit' },
        );
        for (const part of text.split(/\r\n--=_[^\r]*\r\n/).slice(1)) {
          const [header = '', ...rest] = part.split('\r\n\r\n');
          const encoded = rest.join('\r\n\r\n');
          if (/Encoding: 7bit/.test(header))
            expect(encoded).not.toMatch(/[\0\x80-\xff]|[^\r]\n|\r[^\n]|[^\n]{999}/);
        }
        if (body === '7bit') expect(text).not.toMatch(/[\0\x80-\xff]/);
      }),
    );
  });

  it('MIME-29 leaves message/* content as it is, or refuses it', async () => {
    const attach = (content: Uint8Array, body: '7bit' | '8bit' = '7bit') =>
      composeText({ attachments: [{ content, contentType: 'message/rfc822' }] }, { body });
    expect(await attach(utf8.encode('Subject: a\r\n\r\nb\r\n'))).toContain(
      'Content-Transfer-Encoding: 7bit\r\n\r\nSubject: a',
    );
    expect(await codeOf(() => attach(utf8.encode('Subject: é\r\n\r\n')))).toBe('MB_MIME_NOT_SEVEN_BIT');
    expect(await attach(utf8.encode('Subject: é\r\n\r\n'), '8bit')).toContain(
      'Content-Transfer-Encoding: 8bit',
    );
    expect(await codeOf(() => attach(utf8.encode('Subject: a\n\nb')))).toBe('MB_MIME_CONTENT_LINES');
    const stream = (content: string) =>
      composeText({ text: 't', attachments: [{ content: chunks(content), contentType: 'message/rfc822' }] });
    expect(await stream('Subject: a\r\n\r\nb')).toContain('\r\n\r\nSubject: a\r\n\r\nb\r\n--');
    expect(await codeOf(() => stream('Subject: é\r\n'))).toBe('MB_MIME_NOT_SEVEN_BIT');
    expect(await codeOf(() => stream('a\nb'))).toBe('MB_MIME_CONTENT_LINES');
    expect(await codeOf(() => stream('a\r'))).toBe('MB_MIME_CONTENT_LINES');
  });

  it('MIME-23 gives the octets of every part back, with and without a final line break, empty included', async () => {
    const contents = [
      '',
      '\n',
      '\r\n',
      'a',
      'a\r\n',
      'a\r\n\r\n',
      '\r',
      '--',
      '--=_',
      ' ',
      '.',
      '..\r\n.',
      '\0',
    ].map((text) => utf8.encode(text));
    const composed = composeMessage({
      from: 'a@example.com',
      text: 'x',
      attachments: contents.map((content) => ({ content })),
    });
    const message = await parseMessage(await composed.bytes());
    expect(message.attachments.map(({ content }) => Buffer.from(content))).toEqual(
      contents.map((content) => Buffer.from(content)),
    );
  });

  it('MIME-24 takes a string for text, even when it looks like base64', async () => {
    const text = await composeText({ text: '', attachments: [{ content: 'aGVsbG8=', filename: 'a.txt' }] });
    expect(text).toContain(`\r\n\r\n${Buffer.from('aGVsbG8=').toString('base64')}\r\n`);
  });

  it('MIME-30 builds only the levels that are needed', async () => {
    const shape = async (message: Partial<Message>): Promise<string> => {
      const parsed = await parseMessage(Buffer.from(await composeText(message), 'latin1'));
      const show = (part: typeof parsed.root): string =>
        part.parts.length === 0
          ? part.contentType
          : `${part.contentType.slice(10)}(${part.parts.map(show).join(' ')})`;
      return show(parsed.root);
    };
    const image = { content: new Uint8Array(3), contentType: 'image/png', contentId: 'i@x' };
    const file = { content: 'x', contentType: 'application/pdf' };
    const text = 't';
    const html = '<img src="cid:i@x">';
    const ics = { contentType: 'text/calendar; method=REQUEST', content: 'x' };
    const amp = { contentType: 'text/x-amp-html', content: '<html amp4email>' };
    expect(await shape({})).toBe('text/plain');
    expect(await shape({ text })).toBe('text/plain');
    expect(await shape({ html })).toBe('text/html');
    expect(await shape({ attachments: [file] })).toBe('application/pdf');
    expect(await shape({ text, html })).toBe('alternative(text/plain text/html)');
    expect(await shape({ html, attachments: [image] })).toBe('related(text/html image/png)');
    expect(await shape({ text, attachments: [file, file] })).toBe(
      'mixed(text/plain application/pdf application/pdf)',
    );
    expect(await shape({ text, attachments: [image] })).toBe('mixed(text/plain image/png)');
    expect(await shape({ text, html, alternatives: [ics, amp] })).toBe(
      'alternative(text/plain text/x-amp-html text/html text/calendar)',
    );
    expect(await shape({ text, html, attachments: [image, file] })).toBe(
      'mixed(related(alternative(text/plain text/html) image/png) application/pdf)',
    );
  });

  it('MIME-83 orders the forms of a body from the plainest to the richest', async () => {
    const alternatives = [
      { contentType: 'text/calendar; method=REQUEST', content: 'x' },
      { contentType: 'text/x-amp-html', content: '<html amp4email>' },
    ];
    const written = await composeText({ html: '<p>h', text: 't', alternatives });
    const { root } = await parseMessage(Buffer.from(written, 'latin1'));
    expect(root.parts.map(({ contentType }) => contentType)).toEqual([
      'text/plain',
      'text/x-amp-html',
      'text/html',
      'text/calendar',
    ]);
  });

  it('MIME-31 MIME-73 draws boundaries that no part holds, at most 70 characters', async () => {
    const boundaries = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const composed = composeMessage({
        from: 'a@example.com',
        text: 'a',
        html: 'b',
        attachments: [{ content: 'c' }],
      });
      for (const [, one] of Buffer.from(await composed.bytes())
        .toString()
        .matchAll(/boundary="([^"]+)"/g)) {
        expect(one!.length).toBeLessThanOrEqual(70);
        boundaries.add(one!);
      }
    }
    expect(boundaries.size).toBe(400);
    // The same seed again: the outer message has to step aside.
    const inner = await composeText({ text: 'a', html: 'b' });
    const outer = await composeText({
      text: inner,
      attachments: [
        { content: Buffer.from(inner, 'latin1'), contentType: 'message/rfc822' },
        { part: Buffer.from(inner, 'latin1') },
      ],
    });
    const message = await parseMessage(Buffer.from(outer, 'latin1'));
    expect(message.attachments[0]?.message?.html).toBe('b');
    expect(message.defects).toEqual([]);
    const zeros = composeMessage(
      { from: 'a@example.com', text: 'a', html: 'b' },
      { randomBytes: (n) => new Uint8Array(n) },
    );
    expect((await parseMessage(await zeros.bytes())).html).toBe('b');
  });

  it('MIME-36 writes `_` for separators in file names, and warns', async () => {
    const attached = { from: 'a@example.com', attachments: [{ filename: '..\\x', content: 'a' }] };
    const composed = composeMessage({
      from: 'a@example.com',
      attachments: [
        { filename: 'plain.txt', content: 'a' },
        { filename: 'Q1/Q2 report.pdf', content: 'a' },
        { message: attached, filename: 'a\tb.eml' },
      ],
    });
    const warnings = [
      { code: 'filename-changed', path: 'attachments[1]' },
      { code: 'filename-changed', path: 'attachments[2]' },
      { code: 'filename-changed', path: 'attachments[2].message.attachments[0]' },
    ];
    expect(composed.warnings).toEqual(warnings);
    expect(composed.variant('8bit').warnings).toEqual(warnings);
    const { attachments } = await parseMessage(await composed.bytes());
    expect(attachments.map(({ filename }) => filename)).toEqual(['plain.txt', 'Q1_Q2 report.pdf', 'a_b.eml']);
    expect(attachments[2]!.message!.attachments[0]!.filename).toBe('.._x');
    expect(composeMessage(attached).warnings).toHaveLength(1);
    expect(composeMessage({ from: 'a@example.com', attachments: [{ content: '' }] }).warnings).toEqual([]);
  });

  it('MIME-37 gives chunks that hold no memory of others', async () => {
    const to = Array.from({ length: 300 }, (_, i) => ({
      name: `Empfänger ${i}`,
      address: `r${i}@example.com`,
    }));
    const text = 'Grüße an alle, die dies auch lesen.';
    for (const message of [{ to, text }, { text }, { to, text, html: text }]) {
      let octets = 0;
      for await (const chunk of composeMessage({ from: 'a@example.com', ...message })) {
        expect(chunk.buffer.byteLength).toBe(chunk.length);
        octets += chunk.length;
      }
      expect(octets).toBeGreaterThan(200);
    }
  });

  it('PARSE-13 is read whole by parseMessage with 10,000 recipients', async () => {
    const to = Array.from({ length: 10_000 }, (_, i) => ({
      name: `Recipient № ${i} with a name that is rather long`,
      address: `${'l'.repeat(60)}${i % 1000}@${'label.'.repeat(25)}example.com`,
    }));
    const composed = composeMessage({ from: 'a@example.com', to, subject: 'all', text: 'x' });
    const message = await parseMessage(await composed.bytes());
    expect([message.to.length, message.subject, message.text]).toEqual([10_000, 'all', 'x\n']);
    expect(message.to.at(-1)).toMatchObject(to.at(-1)!);
    expect(message.defects).toEqual([]);
  });

  it('MIME-33 fails when a stream fails, ends early or goes on, and never looks complete', async () => {
    async function* failing() {
      yield utf8.encode('half');
      throw new Error('disk gone');
    }
    const attach = (content: Message['attachments']) => () =>
      composeText({ text: 't', attachments: content! });
    expect(await codeOf(attach([{ content: failing() }]))).toBe('MB_MIME_CONTENT_FAILED');
    expect(await codeOf(attach([{ content: chunks('half'), size: 5 }]))).toBe('MB_MIME_CONTENT_LENGTH');
    expect(await codeOf(attach([{ content: chunks('half', 'more'), size: 5 }]))).toBe(
      'MB_MIME_CONTENT_LENGTH',
    );
    expect(await codeOf(attach([{ content: chunks(7 as unknown as string) }]))).toBe('MB_MIME_CONTENT');
    expect(await codeOf(attach([{ content: (() => 7) as unknown as string }]))).toBe('MB_MIME_CONTENT');
    const composed = composeMessage({ from: 'a@example.com', attachments: [{ content: failing() }] });
    const reading = async () => {
      for await (const chunk of composed) expect(chunk.length).toBeGreaterThan(0);
    };
    expect(await codeOf(reading)).toBe('MB_MIME_CONTENT_FAILED');
    expect(await codeOf(reading)).toBe('MB_MIME_CONTENT_CONSUMED');
    expect(composed.repeatable).toBe(false);
  });

  it('MIME-33 reads async iterables, web streams and functions that open them, and cancels what it leaves', async () => {
    let cancelled = false;
    const web = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(utf8.encode('x'.repeat(50_000))),
        cancel: () => {
          cancelled = true;
        },
      });
    const abort = new AbortController();
    const composed = composeMessage(
      { from: 'a@example.com', attachments: [{ content: web }] },
      { signal: abort.signal },
    );
    const reading = async () => {
      let seen = 0;
      for await (const chunk of composed) {
        seen += chunk.length;
        if (seen > 300_000) abort.abort();
      }
    };
    expect(await codeOf(reading)).toBe('MB_MIME_ABORTED');
    expect(cancelled).toBe(true);
    const hanging = () => new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) });
    const stalled = { from: 'a@example.com', attachments: [{ content: hanging }] };
    const reason = AbortSignal.timeout(20);
    expect(await codeOf(() => composeMessage(stalled, { signal: reason }).bytes())).toBe('MB_MIME_ABORTED');
    expect(
      await codeOf(() => composeMessage({ from: 'a@example.com' }, { signal: AbortSignal.abort() }).bytes()),
    ).toBe('MB_MIME_ABORTED');
    const twice = composeMessage({
      from: 'a@example.com',
      attachments: [{ content: () => chunks('a', 'b'), size: 2 }],
    });
    expect(twice.repeatable).toBe(true);
    expect(await twice.bytes()).toEqual(await twice.bytes());
    expect((await twice.bytes()).length).toBe(twice.size);
  });

  it('MIME-48 lets other tasks of the process run beside a source that never waits', async () => {
    const composed = composeMessage({
      from: 'a@example.com',
      attachments: [{ content: () => chunks(...Array<string>(32).fill('x'.repeat(65_536))) }],
    });
    let turns = 0;
    let reading = true;
    const turn = () => {
      turns += 1;
      if (reading) setImmediate(turn);
    };
    setImmediate(turn);
    const octets = await composed.bytes();
    reading = false;
    expect(octets.length).toBeGreaterThan(2 * 2 ** 20);
    expect(turns).toBeGreaterThanOrEqual(8);
  });

  it('MIME-34 gives the same octets for the same message, clock and random source', async () => {
    const message: Partial<Message> = {
      text: 'a é',
      html: '<b>',
      attachments: [{ content: 'x' }, { message: { from: 'c@example.com', text: 'é', html: 'h' } }],
    };
    expect(await composeText(message)).toBe(await composeText(message));
    expect(await composeText(message)).not.toBe(await composeText(message, { randomBytes: seededBytes(2) }));
  });

  it('MIME-35 MIME-74 reports 8-bit content, SMTPUTF8 and the exact size', async () => {
    const facts = (message: Partial<Message>, options = {}) =>
      composeMessage({ from: 'a@example.com', ...message }, options);
    expect(facts({ text: 'é', subject: 'é' }).requires).toEqual({ eightBit: false, smtputf8: false });
    expect(facts({ text: 'é' }, { body: '8bit' }).requires).toEqual({ eightBit: true, smtputf8: false });
    expect(facts({ text: 'a' }, { body: '8bit' }).requires).toEqual({ eightBit: false, smtputf8: false });
    expect(facts({ to: 'jürgen@example.com' }).requires).toEqual({ eightBit: true, smtputf8: true });
    expect(facts({ bcc: 'jürgen@example.com' }).requires).toEqual({ eightBit: false, smtputf8: true });
    expect(facts({ to: 'joe@bücher.example' }).requires).toEqual({ eightBit: false, smtputf8: false });
    expect(facts({ subject: 'é' }, { headers: 'utf8' }).requires).toEqual({ eightBit: true, smtputf8: true });
    expect(facts({ subject: 'e' }, { headers: 'utf8' }).requires).toEqual({
      eightBit: false,
      smtputf8: false,
    });
    for (const options of [{}, { body: '8bit' }, { headers: 'utf8' }]) {
      const composed = facts(
        { subject: '日本', text: 'é'.repeat(999), html: 'a', attachments: [{ content: 'x' }] },
        options,
      );
      expect((await composed.bytes()).length).toBe(composed.size);
    }
    expect(facts({ attachments: [{ content: chunks('a') }] }).size).toBeUndefined();
    expect(facts({ attachments: [{ content: chunks('a'), size: 1 }] }).size).toBeGreaterThan(0);
  });

  it('MIME-62 encodes an attached message with an address beyond ASCII in the 7-bit variant', async () => {
    const composed = composeMessage(
      {
        from: 'a@example.com',
        text: 'x',
        attachments: [{ message: { from: 'b@example.com', to: 'jürgen@example.com', text: 'é' } }],
      },
      { body: '8bit' },
    );
    const seven = Buffer.from(await composed.variant('7bit').bytes()).toString('latin1');
    expect(seven).toMatch(/^[\r\n\t -~]*$/);
    expect(seven).toMatch(/Content-Type: message\/global\r\n(?:.*\r\n)*?Content-Transfer-Encoding: base64/);
    const { attachments } = await parseMessage(Buffer.from(seven));
    expect(attachments[0]?.message?.to).toMatchObject([{ address: 'jürgen@example.com' }]);
  });

  it('MIME-49 gives the 7-bit and the 8-bit variant of one message, the identity kept', async () => {
    const composed = composeMessage({
      from: 'a@example.com',
      text: 'é',
      html: 'é',
      attachments: [{ message: { from: 'b@example.com', text: 'é' } }],
    });
    const eight = composed.variant('8bit');
    expect(eight.messageId).toBe(composed.messageId);
    expect(eight.requires.eightBit).toBe(true);
    expect(await eight.variant('7bit').bytes()).toEqual(await composed.bytes());
    const [a, b] = await Promise.all([composed, eight].map(async (one) => parseMessage(await one.bytes())));
    expect(b?.text).toBe(a?.text);
    expect(b?.attachments[0]?.message?.text).toBe('é\n');
    expect(Buffer.from(await eight.bytes()).toString()).toMatch(
      /multipart\/mixed;\r\n boundary=[^\r]*\r\nContent-Transfer-Encoding: 8bit/,
    );
  });

  it('ADDR-27 never makes two recipients of one string, and counts equal recipients once', async () => {
    expect(await codeOf(() => composeText({ to: 'a@example.com, b@example.com' }))).toBe(
      'MB_MIME_ADDRESS_COUNT',
    );
    expect(await codeOf(() => composeText({ to: 'g: a@example.com;' }))).toBe('MB_MIME_ADDRESS_COUNT');
    expect(await codeOf(() => composeText({ to: { address: 'a@example.com, b@example.com' } }))).toBe(
      'MB_MIME_ADDRESS_COUNT',
    );
    expect(await codeOf(() => composeText({ to: { address: 'Ann <a@example.com>' } }))).toBe(
      'MB_MIME_ADDRESS_SYNTAX',
    );
    const composed = composeMessage({
      from: 'a@example.com',
      to: ['b@Example.com', '"b"@example.COM', 'B@example.com', { name: 'g', members: ['c@example.com'] }],
      cc: 'b@example.com',
      bcc: ['=?utf-8?q?d=40evil.example?=@example.com'],
    });
    expect(composed.envelope.to).toEqual([
      'b@Example.com',
      'B@example.com',
      'c@example.com',
      '=?utf-8?q?d=40evil.example?=@example.com',
    ]);
  });

  it('MIME-51 folds an address field at any space but one inside an address', async () => {
    const to = Array.from({ length: 6 }, (_, i) => [
      { name: `Doe, "J" ${i}`, address: `"${'long local '.repeat(4)}${i}"@example.com` },
      { name: 'a, b', address: '"@ b"@example.com' },
      { name: 'g', members: ['"c d"@example.com'] },
    ]).flat();
    const text = await composeText({ to });
    const field = /^To:.*\r\n(?: .*\r\n)*/m.exec(text)![0];
    const quoted = field.match(/"(?:[^"\\]|\\.)*"@?/gs)!.filter((one) => one.endsWith('@'));
    expect(quoted).toHaveLength(18);
    for (const local of quoted) expect(local).not.toContain('\r\n');
    for (const line of field.split('\r\n')) expect(line.length).toBeLessThanOrEqual(78);
    expect((await parseMessage(Buffer.from(text))).to).toMatchObject(
      to.map((one) => ('members' in one ? { members: [{ address: one.members![0] }] } : one)),
    );
  });

  it('takes the envelope from the sender, or as the caller says', () => {
    const base = { from: 'Ann <ann@example.com>', sender: 'Bot <bot@example.org>', to: 'b@example.net' };
    expect(composeMessage(base).envelope.from).toBe('bot@example.org');
    expect(composeMessage({ ...base, envelope: { from: '' } }).envelope).toEqual({
      from: '',
      to: ['b@example.net'],
    });
    expect(
      composeMessage({ ...base, envelope: { from: 'v+x@example.com', to: ['c@example.net'] } }).envelope,
    ).toEqual({
      from: 'v+x@example.com',
      to: ['c@example.net'],
    });
  });

  it('writes marks, identifiers and Reply-To', async () => {
    const text = await composeText({
      replyTo: ['a@example.com', 'b@example.com'],
      inReplyTo: '<1@example.com>',
      references: '<0@example.com> <1@example.com>',
      autoSubmitted: 'auto-replied',
      precedence: 'bulk',
      priority: 'high',
      feedbackId: 'a:b:c:d',
      messageId: 'own@example.com',
    });
    const fields = Object.fromEntries(fieldsOf(text));
    expect(fields).toMatchObject({
      'Reply-To': 'a@example.com, b@example.com',
      'In-Reply-To': '<1@example.com>',
      References: '<0@example.com> <1@example.com>',
      'Auto-Submitted': 'auto-replied',
      Precedence: 'bulk',
      'X-Priority': '1 (Highest)',
      Importance: 'High',
      'Feedback-ID': 'a:b:c:d',
      'Message-ID': '<own@example.com>',
    });
  });

  it('refuses unknown fields and options', async () => {
    expect(await codeOf(() => composeText({ attachements: [] } as Partial<Message>))).toBe('MB_MIME_OPTION');
    expect(await codeOf(() => composeText({}, { bodyy: 1 } as object))).toBe('MB_MIME_OPTION');
    expect(await codeOf(() => composeText({}, { body: '9bit' as '8bit' }))).toBe('MB_MIME_OPTION');
    expect(await codeOf(() => composeText({ attachments: [{ content: 'x', size: -1 }] }))).toBe(
      'MB_MIME_OPTION',
    );
    expect(
      await codeOf(() => composeText({ attachments: [{ content: '', contentType: 'multipart/mixed' }] })),
    ).toBe('MB_MIME_CONTENT_TYPE');
  });

  it('sends nothing of the memory that content left free when it shrank', async () => {
    const unfilled = vi
      .spyOn(Buffer, 'allocUnsafeSlow')
      .mockImplementation((size) => Buffer.alloc(size, 'secret'));
    onTestFinished(() => unfilled.mockRestore());
    const buffer = new ArrayBuffer(5000);
    const composed = composeMessage({
      from: 'a@example.com',
      attachments: [{ content: new Uint8Array(buffer) }],
    });
    structuredClone(buffer, { transfer: [buffer] }); // leaves no octet behind
    const octets = Buffer.from(await composed.bytes());
    expect(octets).toHaveLength(composed.size!);
    expect(octets.includes('\0'.repeat(5000))).toBe(true);
    expect(octets.includes('secret')).toBe(false);
  });

  it('writes UTF-8 header fields only when asked', async () => {
    const text = Buffer.from(
      await composeText({ from: 'Jürgen <j@example.com>', subject: 'Grüße' }, { headers: 'utf8' }),
      'latin1',
    ).toString();
    expect(text).toContain('From: "Jürgen" <j@example.com>\r\nSubject: Grüße\r\n');
  });
});
