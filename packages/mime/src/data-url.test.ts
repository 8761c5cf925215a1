import { describe, expect, it } from 'vitest';
import { codeOf } from '../test/compose-text.ts';
import { inlineDataUrls } from './data-url.ts';
import { composeMessage, parseMessage } from './index.ts';

const options = { domain: 'example.com', randomBytes: (length: number) => new Uint8Array(length) };
const id = `${'0'.repeat(24)}@example.com`;

describe('inlineDataUrls', () => {
  it('MIME-41 makes each data: URL an inline part that the HTML names', async () => {
    const html =
      '<img alt="a" src="data:image/png;base64,iVBORw0KGgo="><img src = \'data:image/png;base64,iVBORw0KGgo=\'>';
    const two = inlineDataUrls(html, options);
    expect(two.html).toBe(`<img alt="a" src="cid:${id}"><img src = 'cid:${id}'>`);
    expect(two.attachments).toHaveLength(1);
    const message = { from: 'a@example.com', html: two.html, attachments: two.attachments };
    const parsed = await parseMessage(await composeMessage(message).bytes());
    expect(parsed.root.contentType).toBe('multipart/related');
    expect(parsed.attachments).toMatchObject([
      { contentType: 'image/png', contentId: id, disposition: 'inline', filename: 'picture-1.png' },
    ]);
    expect(Buffer.from(parsed.attachments[0]!.content)).toEqual(Buffer.from('iVBORw0KGgo=', 'base64'));
  });

  it.each([
    ['<div style="background: url(data:image/gif;base64,R0lG)">', 'image/gif', 'GIF'],
    [`<div style='background: url("data:image/gif;base64,R0lG")'>`, 'image/gif', 'GIF'],
    ['<td background=data:image/gif;base64,R0lG>', 'image/gif', 'GIF'],
    [
      '<img src="data:image/svg+xml;charset=utf-8,%3Csvg/%3E&amp;">',
      'image/svg+xml; charset=utf-8',
      '<svg/>&',
    ],
    ['<img src="data:image/png;base64,R0\n lG%3D">', 'image/png', 'GIF'],
    ['<img src="data:,A%20brief%20note">', 'text/plain', 'A brief note'], // RFC 2397 §4
  ])('MIME-41 reads %s', (html, contentType, content) => {
    const { attachments, html: inlined } = inlineDataUrls(html, options);
    expect(
      attachments.map((one) => [one.contentType, Buffer.from(one.content as Uint8Array).toString()]),
    ).toEqual([[contentType, content]]);
    expect(inlined).not.toContain('data:');
  });

  it('MIME-41 leaves what is no data: URL, or a damaged one, as it is', async () => {
    for (const html of [
      '<img src="https://example.com/a.png">',
      '<p>src="data:image/png;base64,R0lG"</p>'.replace('src', 'x-src'),
      '<img src="data:image/png;base64,%%%">',
      '<img src="data:image/png;base64">',
      '<img src="data:image/png;base64,">',
      '<img src="data:no type,x">',
    ])
      expect(inlineDataUrls(html, options), html).toEqual({ html, attachments: [] });
    expect(await codeOf(() => inlineDataUrls('', { domain: 'a b' }))).toBe('MB_MIME_OPTION');
    const distinct = inlineDataUrls('<img src="data:,a"><img src="data:,b">').attachments;
    expect(new Set(distinct.map(({ contentId }) => contentId)).size).toBe(2);
  });
});
