import { describe, expect, it } from 'vitest';
import { expectLinear } from '../../../vitest.growth.ts';
import { textFromHtml } from './html.ts';

describe('textFromHtml', () => {
  it('MIME-40 MIME-79 writes paragraphs, links, lists and descriptions of pictures, and no script', () => {
    const html =
      '<html><head><style>p { color: red }</style></head><body><h1>Hello</h1><p>Grüße &amp; <b>more</b></p>' +
      '<script>alert(1)</script><ul><li>one</li><li>two</li></ul>' +
      '<a href="https://example.com/">site</a> <a href="https://example.com">https://example.com</a>' +
      '<img src="cid:a" alt="[logo]"><img src="b.png"></body></html>';
    expect(textFromHtml(html)).toBe(
      'Hello\n\nGrüße & more\n\n * one\n * two\n\nsite [https://example.com/] https://example.com[logo]',
    );
    expect(textFromHtml(html, { links: false })).not.toContain('[https');
    expect(textFromHtml('')).toBe('');
  });

  it('MIME-40 wraps where it is asked to', () => {
    const html = `<p>${'word '.repeat(50)}</p>`;
    expect(textFromHtml(html).split('\n')).toHaveLength(1);
    for (const line of textFromHtml(html, { wrapColumn: 60 }).split('\n'))
      expect(line.length).toBeLessThanOrEqual(60);
  });

  it.each(['<b>', '<div>', '<table><tr><td>', '<ul><li>', '<i title=x>'])(
    'MIME-44 keeps the words inside tags without end: %s',
    (tags) => {
      expect(textFromHtml(`before ${tags.repeat(5000)}word</b> after`)).toMatch(
        /^before\s[\s\S]*word after$/,
      );
    },
  );

  it('MIME-45 takes linear time however deep tags nest', () => {
    expectLinear((n) => textFromHtml('<b>'.repeat(n / 3)));
  });

  it('MIME-44 keeps 250 paragraphs that nothing closes apart', () => {
    const text = textFromHtml(Array.from({ length: 250 }, (_, i) => `<p>${i}`).join(''));
    expect(text.split(/\n+/)).toEqual(Array.from({ length: 250 }, (_, i) => String(i)));
  });
});
