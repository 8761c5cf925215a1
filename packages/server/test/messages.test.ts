import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMessage } from '@mb/mime';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Call, type Service, startService } from './service.ts';

let service: Service;
let call: Call;
beforeAll(async () => {
  service = await startService();
  call = await service.withKey();
});
afterAll(() => service[Symbol.asyncDispose]());

const message = { from: 'Ann <ann@sender.test>', to: 'bob@one.test', subject: 'Grüße', text: 'Hello' };

describe('POST /v1/messages', () => {
  it('SRV-01 answers 202 when the message is durable, and shows it', async () => {
    const accepted = await call('POST', '/v1/messages', { ...message, tag: 'welcome' });
    expect(accepted).toMatchObject({
      status: 202,
      body: { duplicate: false, recipients: [{ recipient: 'bob@one.test', status: 'queued' }], warnings: [] },
    });
    const { id } = accepted.body;
    expect(accepted.headers.get('location')).toBe(`/v1/messages/${id}`);
    const shown = await call('GET', `/v1/messages/${id}`);
    expect(shown.body).toMatchObject({
      id,
      sender: 'ann@sender.test',
      tag: 'welcome',
      recipients: [{ address: 'bob@one.test', state: 'queued', attempts: 0 }],
    });
  });

  it('SRV-02 composes every field of a message', async () => {
    const { body } = await call('POST', '/v1/messages', {
      ...message,
      cc: [{ name: 'Team', members: ['eve@one.test'] }],
      bcc: ['hidden@one.test'],
      replyTo: { address: 'reply@sender.test' },
      html: '<p>Hello <img src="cid:logo"></p>',
      attachments: [
        { filename: 'logo.png', content: Buffer.from('PNG').toString('base64'), contentId: 'logo' },
        { filename: 'Ünï.bin', content: Buffer.from([0, 1, 2]).toString('base64') },
      ],
      headers: { 'X-Campaign': 'spring' },
      date: '2026-01-02T03:04:05Z',
      list: { unsubscribe: 'https://example.com/u', oneClick: true },
    });
    const { body: octets } = await call('GET', `/v1/messages/${body.id}/content`);
    const parsed = await parseMessage(Buffer.from(octets));
    expect(parsed.text).toContain('Hello');
    expect(parsed.attachments.map(({ filename }) => filename)).toContain('Ünï.bin');
    expect(parsed.headers.get('x-campaign')).toBe('spring');
    expect(parsed.headers.get('bcc')).toBeUndefined();
    expect(parsed.headers.get('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
    expect(body.recipients.map((one: { recipient: string }) => one.recipient)).toEqual([
      'bob@one.test',
      'eve@one.test',
      'hidden@one.test',
    ]);
  });

  it('SRV-03 takes a message that is ready, octet by octet', async () => {
    const raw = Buffer.from(
      'From: ann@sender.test\r\nSubject: ready\r\n\r\n.dot\r\nGr\xfc\xdfe\r\n',
      'latin1',
    );
    const { status, body } = await call(
      'POST',
      '/v1/messages?from=bounce@sender.test&to=bob@one.test&to=eve@one.test',
      raw,
      {
        'content-type': 'message/rfc822',
      },
    );
    expect(status).toBe(202);
    expect(body.recipients).toHaveLength(2);
    const response = await fetch(`${service.url}/v1/messages/${body.id}/content`, {
      headers: { authorization: `Bearer ${(await service.withKey()).token}` },
    });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(raw);
  });

  it('SRV-138 takes the envelope of a ready message from the query', async () => {
    const { body } = await call(
      'POST',
      '/v1/messages?from=bounce@sender.test&to=bob@one.test&to=eve@one.test',
      Buffer.from('From: ann@sender.test\r\nTo: else@one.test\r\n\r\nx\r\n'),
      { 'content-type': 'message/rfc822' },
    );
    expect(body.recipients).toMatchObject([{ recipient: 'bob@one.test' }, { recipient: 'eve@one.test' }]);
    expect((await call('GET', `/v1/messages/${body.id}`)).body).toMatchObject({
      sender: 'bounce@sender.test',
    });
  });

  it('SRV-68 answers 404 with a code when the content of a message is gone', async () => {
    const { body } = await call('POST', '/v1/messages', message);
    await call('POST', `/v1/messages/${body.id}/cancel`);
    const gone = await call('GET', `/v1/messages/${body.id}/content`);
    expect(gone).toMatchObject({ status: 404, body: { code: 'MB_BROKER_NOT_FOUND' } });
  });

  it('SRV-04 SRV-91 gives the same id for the same Idempotency-Key, and 422 when the message differs', async () => {
    const headers = { 'idempotency-key': '"order-17"' };
    const first = await call('POST', '/v1/messages', message, headers);
    const second = await call('POST', '/v1/messages', message, { 'idempotency-key': 'order-17' });
    expect(second.body).toMatchObject({ id: first.body.id, duplicate: true });
    const third = await call('POST', '/v1/messages', { ...message, text: 'Other' }, headers);
    expect(third).toMatchObject({ status: 422, body: { code: 'MB_BROKER_IDEMPOTENCY_CONFLICT' } });
  });

  it('SRV-04 gives one message for the same key at the same time', async () => {
    const headers = { 'idempotency-key': 'at-once' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => call('POST', '/v1/messages', message, headers)),
    );
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ body }) => body.duplicate === false)).toHaveLength(1);
  });

  it('SRV-05 gives each message of a batch a result of its own', async () => {
    const { status, body } = await call('POST', '/v1/messages/batch', {
      messages: [message, { ...message, to: 'nobody' }, { ...message, idempotencyKey: 'b-1' }],
    });
    expect(status).toBe(200);
    expect(body.results).toEqual([
      expect.objectContaining({ duplicate: false }),
      {
        error: expect.objectContaining({
          status: 422,
          code: 'MB_MIME_ADDRESS_SYNTAX',
          errors: [expect.objectContaining({ path: '/to' })],
        }),
      },
      expect.objectContaining({ duplicate: false }),
    ]);
  });
});

describe('what bad input gets', () => {
  it.each<[string, unknown, object]>([
    ['an unknown field', { ...message, txt: 'x' }, { status: 422, body: { errors: [{ path: '/txt' }] } }],
    ['a wrong type', { ...message, subject: 5 }, { status: 422, body: { errors: [{ path: '/subject' }] } }],
    [
      'a wrong type below',
      { ...message, attachments: [{ content: 'no base64!' }] },
      { status: 422, body: { errors: [{ path: '/attachments/0/content' }] } },
    ],
    ['no author', { to: 'bob@one.test' }, { status: 422, body: { errors: [{ path: '/from' }] } }],
    [
      'no recipient',
      { from: 'ann@sender.test', text: 'x' },
      { status: 422, body: { code: 'MB_BROKER_NO_RECIPIENTS' } },
    ],
    [
      'a wrong address',
      { ...message, to: ['bob@one.test', 'bob@'] },
      { status: 422, body: { code: 'MB_MIME_ADDRESS_SYNTAX', errors: [{ path: '/to/1' }] } },
    ],
    ['a line break in the subject', { ...message, subject: 'a\r\nBcc: x@y.test' }, { status: 422 }],
  ])('SRV-06 %s is 422 with the place', async (_, body, expected) => {
    const answer = await call('POST', '/v1/messages', body);
    expect(answer).toMatchObject(expected);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  });

  it('SRV-06 what is not JSON is 400, and what is neither JSON nor a message 415', async () => {
    const broken = await call('POST', '/v1/messages', Buffer.from('{"from":'), {
      'content-type': 'application/json',
    });
    expect(broken).toMatchObject({ status: 400, body: { code: 'MB_SERVER_JSON' } });
    const xml = await call('POST', '/v1/messages', Buffer.from('<a/>'), { 'content-type': 'text/xml' });
    expect(xml).toMatchObject({ status: 415 });
  });

  it('SRV-06 an unknown query parameter is 422', async () => {
    expect(await call('GET', '/v1/recipients?stat=queued')).toMatchObject({ status: 422 });
  });

  it('SRV-06 an unknown path is 404 as a problem', async () => {
    const answer = await call('GET', '/v1/massages');
    expect(answer).toMatchObject({ status: 404, body: { title: 'Not Found' } });
  });
});

describe('finding messages', () => {
  it('SRV-56 SRV-146 lists messages by what is known of them, and tells the story of one', async () => {
    await using service = await startService({ host: 13 });
    const call = await service.withKey();
    const send = async (to: string, tag: string) =>
      (await call('POST', '/v1/messages', { from: 'ann@sender.test', to, tag, text: 'x' })).body.id as string;
    const first = await send('bob@one.test', 'receipt');
    const second = await send('carol@one.test', 'news');
    await call('POST', `/v1/messages/${second}/hold`);
    const list = async (query: string) =>
      (await call('GET', `/v1/messages?${query}`)).body.data.map(({ id }: { id: string }) => id);
    expect(await list('')).toEqual([second, first]);
    expect(await list('search=CAROL')).toEqual([second]);
    expect(await list('tag=receipt')).toEqual([first]);
    expect(await list('state=held')).toEqual([second]);
    expect(await list('domain=two.test')).toEqual([]);
    const page = (await call('GET', '/v1/messages?limit=1')).body;
    expect(page.data).toMatchObject([
      { id: second, firstRecipient: 'carol@one.test', recipients: 1, states: { held: 1 } },
    ]);
    expect(await list(`after=${page.next}`)).toEqual([first]);
    service.broker.start();
    const story = async () =>
      (await call('GET', `/v1/messages/${first}/events`)).body.data.map(({ type }: { type: string }) => type);
    await expect.poll(story).toEqual(['accepted', 'attempted', 'delivered']);
    expect((await call('GET', '/v1/messages?state=waiting')).status).toBe(422);
    expect((await call('GET', '/v1/messages/777/events')).status).toBe(404);
  });
});

describe('other ways to send', () => {
  it('SRV-57 SRV-103 takes a message and files as a form, in which files are streamed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'forms-'));
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true, force: true });
    });
    await using service = await startService({ host: 14, server: { maxMessageBytes: 200_000 } });
    const call = await service.withKey();
    const post = async (form: FormData) => {
      const response = await fetch(`${service.url}/v1/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${call.token}`, 'idempotency-key': 'form-1' },
        body: form,
      });
      return { status: response.status, body: (await response.json()) as Record<string, string> };
    };
    const form = () => {
      const made = new FormData();
      const fields = {
        from: 'ann@sender.test',
        to: 'bob@one.test',
        html: '<img src="cid:logo@sender.test">',
      };
      made.set('message', JSON.stringify(fields));
      made.append('cid:logo@sender.test', new Blob([octets], { type: 'image/png' }), 'logo.png');
      made.append('file', new Blob(['a,b\r\n']), 'Q1/Q2 report.csv');
      return made;
    };
    const octets = Buffer.alloc(100_000, 7);
    const accepted = await post(form());
    expect(accepted).toMatchObject({ status: 202, body: { id: expect.any(String) } });
    expect((await post(form())).body).toMatchObject({ id: accepted.body.id, duplicate: true });
    const raw = (await call('GET', `/v1/messages/${accepted.body.id}/content`)).body as string;
    const parsed = await simpleParser(raw);
    expect(parsed.attachments.map(({ filename, contentType, cid }) => [filename, contentType, cid])).toEqual([
      ['logo.png', 'image/png', 'logo@sender.test'],
      ['Q1_Q2 report.csv', 'text/csv', undefined],
    ]);
    expect(parsed.attachments[0]!.content.equals(octets)).toBe(true);
    const tooLong = form();
    tooLong.append('file', new Blob([Buffer.alloc(150_000)]), 'big.bin');
    expect((await post(tooLong)).status).toBe(413);
    const without = new FormData();
    without.append('file', new Blob(['x']), 'x.txt');
    expect(await post(without)).toMatchObject({ status: 422, body: { code: 'MB_SERVER_SCHEMA' } });
    const unknown = form();
    unknown.set('mesage', '{}');
    expect((await post(unknown)).status).toBe(422);
    const torn = await call('POST', '/v1/messages', Buffer.from('--b\r\nContent-Disp'), {
      'content-type': 'multipart/form-data; boundary=b',
    });
    expect(torn.status).toBe(400);
    expect((await readdir(folder)).filter((name) => name.startsWith('mb-form-'))).toEqual([]);
  });

  it('SRV-58 SRV-147 SRV-148 fills a template for each recipient, escaped, and tells of each what is missing', async () => {
    await using service = await startService({ host: 14 });
    const call = await service.withKey();
    const { status, body } = await call('POST', '/v1/messages/templated', {
      template: {
        from: 'ann@sender.test',
        subject: 'Welcome, {{name|friend}}',
        html: '<p>{{name|friend}}: {{code}}</p>',
      },
      recipients: [
        { to: 'bob@one.test', values: { name: '<Bob & Co>', code: 1234 } },
        { to: 'carol@one.test', values: { code: 'x' }, idempotencyKey: 'k' },
        { to: 'dave@one.test', values: {} },
      ],
      tag: 'welcome',
    });
    expect(status).toBe(200);
    expect(body.results).toMatchObject([
      { duplicate: false },
      { duplicate: false },
      { error: { status: 422, code: 'MB_BROKER_TEMPLATE_VALUES' } },
    ]);
    const parsed = await simpleParser((await call('GET', `/v1/messages/${body.results[0].id}/content`)).body);
    expect(parsed.subject).toBe('Welcome, <Bob & Co>');
    expect(parsed.html).toContain('<p>&#60;Bob &#38; Co&#62;: 1234</p>');
    expect((await call('GET', '/v1/messages?tag=welcome')).body.data).toHaveLength(2);
    const bad = {
      template: { from: 'a@b.test', to: 'x@y.test', text: '' },
      recipients: [{ to: 'bob@one.test' }],
    };
    expect((await call('POST', '/v1/messages/templated', bad)).status).toBe(422);
    const open = { template: { from: 'a@b.test', text: '{{' }, recipients: [{ to: 'bob@one.test' }] };
    expect(await call('POST', '/v1/messages/templated', open)).toMatchObject({
      status: 422,
      body: { code: 'MB_BROKER_TEMPLATE' },
    });
  });

  it('SRV-59 verifies a message as a receiver would, and keeps nothing', async () => {
    await using service = await startService({ host: 14 });
    const call = await service.withKey();
    const message = 'From: ann@sender.test\r\nSubject: x\r\n\r\nhello\r\n';
    const { status, body } = await call(
      'POST',
      '/v1/verify?ip=192.0.2.1&sender=ann@sender.test',
      Buffer.from(message),
      { 'content-type': 'message/rfc822' },
    );
    expect(status).toBe(200);
    expect(body.verdicts.map(({ method }: { method: string }) => method)).toEqual(['dkim', 'spf', 'dmarc']);
    expect(body.author).toBe('sender.test');
    expect(body.findings).toContainEqual(expect.objectContaining({ check: 'dkim', severity: 'error' }));
    expect((await call('GET', '/v1/messages')).body.data).toEqual([]);
    expect((await call('POST', '/v1/verify?ip=nonsense', Buffer.from(message))).status).toBe(422);
  });
});
