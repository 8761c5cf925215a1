import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { composeMessage, type Message, parseMessage } from '@mb/mime';
import { afterAll, describe, expect, it } from 'vitest';
import { type ConvertOptions, fromNodemailer } from './from-nodemailer.ts';
import type { NodemailerMessage } from './nodemailer-message.ts';

const folder = mkdtempSync(join(tmpdir(), 'mb-nodemailer-'));
const file = join(folder, 'note.txt');
writeFileSync(file, 'From a file');
afterAll(() => rmSync(folder, { recursive: true }));

const from = 'ann@example.com';
const base = { from, to: 'bob@example.org', subject: 'S', text: 'T' };
const convert = async (message: NodemailerMessage, options?: ConvertOptions) =>
  (await fromNodemailer(message, options)) as Message;
const parsed = async (message: NodemailerMessage, options?: ConvertOptions) =>
  parseMessage(await composeMessage(await convert(message, options)).bytes());
const text = (octets: Uint8Array) => Buffer.from(octets).toString('utf8');

describe('addresses', () => {
  it('NM-21 takes strings, objects, lists and groups', async () => {
    const { to, cc } = await convert({
      ...base,
      to: ['a@example.org, "B, C" <b@example.org>', { name: 'D', address: 'd@example.org' }],
      cc: 'Team: e@example.org, f@example.org;',
    });
    expect(to).toMatchObject([
      { address: 'a@example.org' },
      { name: 'B, C', address: 'b@example.org' },
      { name: 'D', address: 'd@example.org' },
    ]);
    expect(cc).toMatchObject([
      { name: 'Team', members: [{ address: 'e@example.org' }, { address: 'f@example.org' }] },
    ]);
  });

  it('NM-46 names the option and what is no address in it', async () => {
    await expect(convert({ ...base, to: ['a@example.org', 'no address at all'] })).rejects.toMatchObject({
      code: 'MB_NODEMAILER_MESSAGE',
      field: 'to[1]',
    });
    await expect(convert({ ...base, to: { name: 'X' } as never })).rejects.toMatchObject({ field: 'to' });
  });

  it('NM-22 adds the sender that several authors need', async () => {
    const message = await convert({ ...base, from: 'a@example.com, b@example.com' });
    expect(message.sender).toMatchObject({ address: 'a@example.com' });
    expect(composeMessage(message).envelope.from).toBe('a@example.com');
  });

  it('NM-23 takes the envelope', async () => {
    const envelope = { from: 'B <b@example.com>', to: 'x@example.org, y@example.org', bcc: 'z@example.org' };
    expect((await convert({ ...base, envelope })).envelope).toEqual({
      from: 'b@example.com',
      to: ['x@example.org', 'y@example.org', 'z@example.org'],
    });
    expect((await convert({ ...base, envelope: { from: 'b@example.com' } })).envelope).toEqual({
      from: 'b@example.com',
    });
  });

  it('NM-53 takes the null sender', async () => {
    const given = await convert({ ...base, envelope: { from: '', to: 'x@example.org' } });
    expect(given.envelope).toEqual({ from: '', to: ['x@example.org'] });
  });
});

describe('content', () => {
  it('NM-24 reads text and HTML from strings, octets, streams, files and data URLs', async () => {
    const all: NodemailerMessage[] = [
      { text: 'From a file' },
      { text: Buffer.from('From a file') },
      { text: Readable.from(['From ', 'a file']) },
      { text: { path: file } },
      { text: { content: 'RnJvbSBhIGZpbGU=', encoding: 'base64' } },
      { text: { href: 'data:text/plain,From%20a%20file' } },
    ];
    for (const one of all) expect((await convert({ ...base, ...one })).text).toBe('From a file');
  });

  it('NM-24 reads attachments from everywhere, and opens a file at each reading', async () => {
    const message = await convert({
      ...base,
      attachments: [
        { path: file },
        { filename: 'b.txt', content: 'text' },
        { filename: 'c.bin', content: '00ff', encoding: 'hex' },
        { filename: 'd.txt', content: Readable.from([Buffer.from('stream')]) },
        { path: 'data:text/plain;base64,ZGF0YQ==' },
        { raw: 'Content-Type: text/x-raw\nContent-Disposition: attachment; filename=r\n\nraw' },
      ],
    });
    const { attachments } = await parseMessage(await composeMessage(message).bytes());
    expect(attachments.map(({ filename }) => filename)).toEqual([
      'note.txt',
      'b.txt',
      'c.bin',
      'd.txt',
      'attachment-5.txt',
      'r',
    ]);
    expect(attachments.map((part) => text(part.content!)).map((each) => each.trim())).toEqual([
      'From a file',
      'text',
      '\0\ufffd',
      'stream',
      'data',
      'raw',
    ]);
  });

  it('NM-24 reads alternatives from everywhere', async () => {
    const alternatives = [
      { contentType: 'text/x-web-markdown', path: file },
      { contentType: 'text/x-web-markdown', content: Readable.from(['From ', 'a file']) },
      { path: 'data:text/x-web-markdown,From%20a%20file' },
    ];
    const converted = await convert({ ...base, alternatives });
    expect(converted.alternatives!.map(({ content }) => Buffer.from(content).toString())).toEqual(
      alternatives.map(() => 'From a file'),
    );
    await expect(convert({ ...base, alternatives: [null as never] })).rejects.toMatchObject({
      field: 'alternatives[0]',
    });
  });

  it('NM-24 keeps the octets of a part that is ready', async () => {
    const header = 'Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n';
    const ready = Buffer.from(`${header}gr\u00fc\u00df\nx`, 'latin1');
    const { attachments } = await convert({ ...base, attachments: [{ raw: ready }] });
    expect(Buffer.from((attachments![0] as { part: Uint8Array }).part).toString('latin1')).toBe(
      `${header}gr\u00fc\u00df\r\nx`,
    );
  });

  const unreadable = [
    [{ attachments: [{ path: join(folder, 'missing') }] }, 'attachments[0].path'],
    [{ attachments: [{ path: folder }] }, 'attachments[0].path'],
    [{ disableFileAccess: true, attachments: [{ path: file }] }, 'attachments[0].path'],
    [{ html: { path: join(folder, 'missing') } }, 'html.path'],
    [{ attachments: [{ href: 'https://example.com/a' }] }, 'attachments[0].href'],
    [{ attachments: [{ path: 'https://example.com/a' }] }, 'attachments[0].path'],
  ] as const;
  it.each(unreadable)('NM-25 refuses %j before anything is sent', async (given, field) => {
    await expect(convert({ ...base, ...given })).rejects.toMatchObject({
      code: 'MB_NODEMAILER_CONTENT',
      field,
    });
  });

  it('NM-26 writes an invitation as an alternative and as a file', async () => {
    const content = 'BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n';
    const mail = await parsed({ ...base, icalEvent: { method: 'request', content, filename: 'meet.ics' } });
    const types = mail.root.parts.map((part) => part.contentType);
    expect(types).toEqual(['multipart/alternative', 'application/ics']);
    expect(mail.root.parts[0]!.parts[1]).toMatchObject({ contentType: 'text/calendar' });
    expect(mail.attachments.at(-1)).toMatchObject({ filename: 'meet.ics' });
  });

  it('NM-27 orders watch, AMP and other alternatives', async () => {
    const mail = await parsed({
      ...base,
      html: '<p>H</p>',
      watchHtml: '<p>W</p>',
      amp: '<html amp4email></html>',
      alternatives: [{ contentType: 'text/x-web-markdown', content: '**H**' }],
    });
    expect(new Set(mail.root.parts.map(({ contentType }) => contentType))).toEqual(
      new Set(['text/plain', 'text/watch-html', 'text/x-amp-html', 'text/html', 'text/x-web-markdown']),
    );
  });

  it('NM-28 makes parts of data URLs in the HTML when asked to', async () => {
    const html = '<img src="data:image/png;base64,iVBORw==">';
    const mail = await parsed({ ...base, html, attachDataUrls: true });
    expect(mail.html).toMatch(/<img src="cid:/);
    expect(mail.attachments).toHaveLength(1);
    expect((await parsed({ ...base, html })).html).toContain('data:');
  });

  it('NM-29 takes a message that is ready, with its envelope', async () => {
    const raw = 'From: ann@example.com\nSubject: S\n\nx\n';
    expect(await fromNodemailer({ raw, envelope: { from, to: ['b@example.org'] } })).toMatchObject({
      raw: new Uint8Array(Buffer.from(raw)),
      envelope: { from, to: ['b@example.org'] },
    });
    await expect(fromNodemailer({ raw })).rejects.toMatchObject({ field: 'raw' });
  });
});

describe('header', () => {
  it('NM-30 NM-47 maps headers, those of options among them, and folds no value into another field', async () => {
    const mail = await parsed({
      ...base,
      headers: {
        'X-One': ['a', 'b'],
        'X-Two': { prepared: true, value: 'folded\r\n value' },
        'X-Evil': 'a\r\nBcc: eve@example.net',
        'Message-ID': '<own@example.com>',
      },
      xMailer: 'Shop 1.0',
      references: '<a@example.com> <b@example.com>',
    });
    expect(mail.headers.fields.filter(({ name }) => name === 'X-One')).toHaveLength(2);
    expect(mail.headers.get('X-Two')).toBe('folded value');
    expect(mail.headers.get('X-Evil')).toBe('a Bcc: eve@example.net');
    expect(mail.headers.get('Bcc')).toBe(undefined);
    expect(mail.headers.get('Message-ID')).toBe('<own@example.com>');
    expect(mail.headers.get('X-Mailer')).toBe('Shop 1.0');
    expect(mail.headers.get('References')).toBe('<a@example.com> <b@example.com>');
  });

  it('NM-30 keeps names that objects of JavaScript have', async () => {
    const attachments = [{ content: 'x', contentType: 'text/constructor' }];
    const message = await convert({ ...base, headers: { Constructor: 'a' }, attachments });
    expect(message.headers).toEqual([['Constructor', 'a']]);
    expect(message.attachments).toMatchObject([{ filename: 'attachment-1.constructor' }]);
  });

  it('NM-31 writes list headers', async () => {
    const mail = await parsed({
      ...base,
      list: {
        help: 'admin@example.com?subject=help',
        unsubscribe: [['https://example.com/u', 'mailto:u@example.com']],
        'unsubscribe-post': 'List-Unsubscribe=One-Click',
        id: { url: 'https://news.example.com', comment: 'News' },
      },
    });
    expect(mail.headers.get('List-Help')).toBe('<mailto:admin@example.com?subject=help>');
    expect(mail.headers.get('List-Unsubscribe')).toBe('<https://example.com/u>, <mailto:u@example.com>');
    expect(mail.headers.get('List-Unsubscribe-Post')).toBe('List-Unsubscribe=One-Click');
    expect(mail.headers.get('List-Id')).toBe('"News" <news.example.com>');
  });

  it('NM-32 refuses what is not the message’s business, and what nodemailer does not document', async () => {
    for (const [key, value] of Object.entries({
      dkim: {},
      dsn: {},
      auth: {},
      ses: {},
      normalizeHeaderKey: () => '',
      atachments: [],
    })) {
      await expect(convert({ ...base, [key]: value })).rejects.toMatchObject({
        code: 'MB_NODEMAILER_MESSAGE',
        field: key,
      });
    }
    await expect(convert({ ...base, dkim: {} }, { unknownOptions: 'ignore' })).rejects.toMatchObject({
      field: 'dkim',
    });
    await convert({ ...base, template: 'welcome' }, { unknownOptions: 'ignore' });
    await expect(convert({ ...base, maxRecipients: 1, cc: 'c@example.org' })).rejects.toMatchObject({
      field: 'maxRecipients',
    });
    await expect(convert({ ...base, date: 'never' })).rejects.toMatchObject({ field: 'date' });
  });

  it('NM-33 takes options that are about octets only, without an effect on the meaning', async () => {
    const one = await parsed({
      ...base,
      encoding: 'base64',
      textEncoding: 'B',
      baseBoundary: 'x',
      newline: 'unix',
    });
    expect(one.text?.trim()).toBe('T');
  });
});

describe('URLs', () => {
  const serve = async (listener: RequestListener) => {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { url, [Symbol.asyncDispose]: () => new Promise<void>((done) => server.close(() => done())) };
  };
  const lab = { allowAddresses: ['127.0.0.1/32'] };

  it('NM-34 NM-48 fetches only what it was asked to, and only from public addresses', async () => {
    await using server = await serve((_, response) => response.end('From a URL'));
    const message = { ...base, text: { href: server.url } };
    expect((await convert(message, { urls: lab })).text).toBe('From a URL');
    for (const urls of [false, {}] as const) {
      await expect(convert(message, { urls })).rejects.toMatchObject({ code: 'MB_NODEMAILER_CONTENT' });
    }
    const named = { ...base, text: { href: server.url.replace('127.0.0.1', 'localhost') } };
    await expect(convert(named, { urls: { allowAddresses: ['nonsense'] } })).rejects.toMatchObject({
      code: 'MB_NODEMAILER_OPTION',
    });
    const wrongHeader = { ...base, text: { href: server.url, httpHeaders: { 'no name': 'x' } } };
    await expect(convert(wrongHeader, { urls: lab })).rejects.toMatchObject({
      code: 'MB_NODEMAILER_CONTENT',
    });
    await expect(convert(named, { urls: {} })).rejects.toThrow(/loopback/);
    await expect(convert({ ...message, disableUrlAccess: true }, { urls: lab })).rejects.toThrow(
      /only on request/,
    );
  });

  it('NM-35 NM-49 checks the target of each redirect, and sends headers to no other host', async () => {
    const seen: unknown[] = [];
    await using other = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('ok');
    });
    await using server = await serve((request, response) => {
      const location =
        { '/private': 'http://10.0.0.1/', '/loop': '/loop', '/broken': 'http://[/' }[request.url!] ??
        other.url;
      response.writeHead(302, { location }).end();
    });
    const get = (path: string) =>
      convert(
        { ...base, text: { href: server.url + path, httpHeaders: { authorization: 'secret' } } },
        { urls: lab },
      );
    expect((await get('/')).text).toBe('ok');
    expect(seen).toEqual([undefined]);
    await expect(get('/private')).rejects.toThrow(/private/);
    await expect(get('/loop')).rejects.toThrow(/too often/);
    await expect(get('/broken')).rejects.toMatchObject({ code: 'MB_NODEMAILER_CONTENT' });
  });

  it('NM-36 NM-50 bounds size and time, and refuses other answers than 200', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/404') response.writeHead(404).end();
      else if (request.url === '/101')
        response.socket!.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
        );
      else if (request.url === '/slow') setTimeout(() => response.destroy(), 3000).unref();
      else response.end(Buffer.alloc(2000));
    });
    const get = (path: string, more: object) =>
      convert({ ...base, attachments: [{ href: server.url + path }] }, { urls: { ...lab, ...more } });
    await expect(get('/', { maxBytes: 1999 })).rejects.toThrow(/more than 1999/);
    await expect(get('/404', {})).rejects.toThrow(/status 404/);
    await expect(get('/101', {})).rejects.toThrow(/status 101/);
    await expect(get('/slow', { timeoutMs: 200 })).rejects.toMatchObject({ retryable: true });
    await get('/', { maxBytes: 2000 });
  });
});
