import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMessage } from '@mb/mime';
import { createElement } from 'react';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MailBroker, MemoryStore } from '../index.ts';
import { inlineCss } from './inline-css.ts';
import { parseMessageTemplate } from './message-template.ts';
import { compileMjml } from './mjml.ts';
import { reactEmail } from './react-email.ts';

const base = { from: 'ann@sender.test', to: 'bob@one.test', subject: 'Hi' };

/** What the queue holds of the only message that was accepted. */
async function queued(send: (broker: MailBroker) => Promise<{ id?: string }>) {
  const store = new MemoryStore();
  const broker = new MailBroker({ hostname: 'client.test', store });
  const { id } = await send(broker);
  return parseMessage(store.content(id!));
}

const Welcome = ({ name, url }: { name: string; url: string }) =>
  createElement('html', null, [
    createElement('h1', { key: 1 }, 'Welcome, ', name),
    createElement('a', { key: 2, href: url }, 'Begin'),
  ]);

const Broken = ({ user }: { user?: { name: string } }) => createElement('p', null, user!.name);

describe('reactEmail', () => {
  const schema = z.object({ name: z.string().min(1), url: z.url() });

  const welcome = (properties: Parameters<typeof Welcome>[0]) =>
    queued((broker) => broker.enqueue(base, { render: reactEmail(Welcome, properties) }));

  it('RND-05 queues the HTML and the text of a React component', async () => {
    const message = await welcome({ name: 'Bob', url: 'https://example.com/' });
    expect(message.html).toContain('Bob</h1>');
    expect(message.html).toContain('href="https://example.com/"');
    expect(message.text).toContain('BOB');
    expect(message.text).toContain('https://example.com/');
  });

  it('RND-08 escapes the values of a component', async () => {
    const properties = { name: '<b>Bob</b> & Söhne', url: 'https://example.com/?a=1&b="2"' };
    const message = await welcome(properties);
    expect(message.html).toContain('&lt;b&gt;Bob&lt;/b&gt; &amp; Söhne</h1>');
    expect(message.html).toContain('href="https://example.com/?a=1&amp;b=&quot;2&quot;"');
    expect(message.text).toContain('<B>BOB</B> & SÖHNE');
    expect(message.text).toContain('https://example.com/?a=1&b="2"');
  });

  it('RND-06 accepts nothing when a schema refuses the properties, and names each of them', async () => {
    const store = new MemoryStore();
    const broker = new MailBroker({ hostname: 'client.test', store });
    const render = reactEmail(Welcome, { name: '', url: 'nowhere' }, { schema });
    await expect(broker.enqueue(base, { render })).rejects.toMatchObject({
      code: 'MB_BROKER_TEMPLATE_VALUES',
      kind: 'invalid-input',
      message: expect.stringMatching(/name: .*; url: /),
    });
    expect((await store.stats()).queued).toBe(0);
    const read = schema.transform(({ name, url }) => ({ name: name.toUpperCase(), url }));
    const right = reactEmail(
      Welcome,
      { name: 'bob', url: 'https://example.com' },
      { schema: read, text: false },
    );
    expect(await right()).toEqual({ html: expect.stringContaining('BOB') });
  });

  it('RND-02 leaves what a component throws to the hook', async () => {
    const broker = new MailBroker({ hostname: 'client.test', store: new MemoryStore() });
    await expect(broker.enqueue(base, { render: reactEmail(Broken, {}) })).rejects.toMatchObject({
      code: 'MB_BROKER_RENDER_FAILED',
    });
  });
});

describe('compileMjml', () => {
  const body = (content: string) =>
    `<mjml><mj-body><mj-section><mj-column>${content}</mj-column></mj-section></mj-body></mjml>`;

  it('TPL-08 compiles MJML once into HTML and text whose gaps are filled and escaped as those of any template', async () => {
    const source = body(
      '<mj-text>Hello {{name|friend}}</mj-text><mj-button href="{{url}}">Begin</mj-button>',
    );
    const welcome = parseMessageTemplate({ ...base, ...(await compileMjml(source)) });
    expect(welcome.variables).toMatchObject([
      { name: 'name', required: false, usedIn: ['the text', 'the HTML'] },
      { name: 'url', required: true },
    ]);
    const message = await queued((broker) =>
      broker.enqueue(welcome.render({ name: 'Bob <b>', url: 'https://example.com/?a=1&b=2' })),
    );
    expect(message.html).toMatch(/Hello Bob &#60;b&#62;<\/div>/);
    expect(message.html).toContain('href="https://example.com/?a=1&#38;b=2"');
    expect(message.html).not.toContain('<mj-');
    expect(message.text).toMatch(/^Hello Bob <b>\s+Begin \[https:\/\/example\.com\/\?a=1&b=2\]\s*$/);
    expect(() => welcome.render({})).toThrow(/no value for \{\{url\}\}/);
    expect(await compileMjml(source, { text: false })).toEqual({ html: expect.any(String) });
  });

  it.each([
    ['an unknown element', body('\n<mj-foo>x</mj-foo>'), /line 2: Element mj-foo/],
    ['an unknown attribute', body('<mj-text colour="red">x</mj-text>'), /line 1: Attribute colour/],
    ['HTML', '<p>Hello</p>', /Malformed MJML/],
    ['nothing', '', /MJML/],
    ['an include that was not asked for', body('<mj-include path="./part.mjml" />'), /includesFrom/],
  ])('TPL-09 TPL-19 refuses what is not MJML, and says where: %s', async (_, source, message) => {
    await expect(compileMjml(source)).rejects.toMatchObject({
      code: 'MB_BROKER_TEMPLATE',
      message: expect.stringMatching(message),
    });
  });

  it('TPL-13 TPL-16 reads includes beside the file that is named, and refuses one that is not there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mjml-'));
    try {
      await writeFile(join(folder, 'part.mjml'), '<mj-text>Included</mj-text>');
      const includesFrom = join(folder, 'welcome.mjml');
      await writeFile(includesFrom, '');
      const { html } = await compileMjml(body('<mj-include path="./part.mjml" />'), { includesFrom });
      expect(html).toContain('Included');
      const missing = compileMjml(body('<mj-include path="./gone.mjml" />'), { includesFrom });
      await expect(missing).rejects.toMatchObject({ code: 'MB_BROKER_TEMPLATE' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('inlineCss', () => {
  const html =
    '<html><head><style>p{color:red}p:hover{color:blue}@media (max-width:9px){p{margin:0}}</style></head>' +
    '<body><p class="{{class}}">Grüße {{name|"friend" & co}}</p></body></html>';

  it('TPL-10 TPL-14 writes rules into elements, and keeps gaps and what no attribute can say', () => {
    const inlined = inlineCss(html);
    expect(inlined).toContain('<p class="{{class}}" style="color: red;">Grüße {{name|"friend" & co}}</p>');
    expect(inlined).toMatch(/p:hover \{\s*color: blue;/);
    expect(inlined).toMatch(/@media \(max-width:9px\)/);
    expect(inlined.match(/color: red/g)).toHaveLength(1);
    expect(inlineCss('<p>x</p>', { css: 'p { color: green }' })).toBe('<p style="color: green;">x</p>');
    expect(inlineCss(html, { keepStyles: true })).toContain('p{color:red}');
  });

  it('TPL-15 fetches no linked style sheet, and leaves the link', () => {
    const linked = '<link rel="stylesheet" href="http://127.0.0.1:1/a.css"><p>x</p>';
    expect(inlineCss(linked)).toBe(linked);
  });

  it('TPL-14 prepares a template whose values are filled in afterwards', () => {
    const template = parseMessageTemplate({ ...base, html: inlineCss(html) });
    expect(template.render({ class: 'a', name: '<i>' }).html).toContain(
      'class="a" style="color: red;">Grüße &#60;i&#62;',
    );
  });
});
