import { mutateOctets, mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { calendarParts } from '../../src/calendar.ts';
import { decodeCharset } from '../../src/charsets.ts';
import { inlineDataUrls } from '../../src/data-url.ts';
import { textFromHtml } from '../../src/html.ts';
import {
  decodeBase64,
  decodeFlowed,
  decodeQuotedPrintable,
  encodeBase64,
  encodeQuotedPrintable,
  MimeError,
  parseHeaderBlock,
} from '../../src/index.ts';

const timeout = mutationTimeoutMs;
const octetsOf = (text: string) => new Uint8Array(Buffer.from(text));

it(`MUT-01 MUT-02 decodeQuotedPrintable never throws, and reads again what is encoded: ${mutationCount} texts`, {
  timeout,
}, async () => {
  await mutateOctets({
    name: 'decodeQuotedPrintable',
    samples: [octetsOf('Gr=C3=BC=C3=9Fe =20=\r\nfolded=0D=0A=\r\n.end  \r\n')],
    words: ['=', '=\r\n', '=3D', '=0', '=G1', '\r\n', ' ', '\t', '=\n', '\r'],
    check(octets) {
      const decoded = decodeQuotedPrintable(octets);
      const again = decodeQuotedPrintable(encodeQuotedPrintable(decoded));
      expect(Buffer.compare(again, decoded)).toBe(0);
      return decoded.length > 0 ? 'accepted' : 'refused';
    },
  });
});

it(`MUT-01 MUT-02 decodeBase64 never throws, and reads again what is encoded: ${mutationCount} texts`, {
  timeout,
}, async () => {
  await mutateOctets({
    name: 'decodeBase64',
    samples: [octetsOf('R3LDvMOfZQ==\r\n'), octetsOf(encodeBase64(new Uint8Array(100).fill(7)))],
    words: ['=', '==', '\r\n', '-', '_', '====', 'A', '/'],
    check(octets) {
      const decoded = decodeBase64(octets);
      expect(Buffer.compare(decodeBase64(encodeBase64(decoded)), decoded)).toBe(0);
      return decoded.length > 0 ? 'accepted' : 'refused';
    },
  });
});

it(`MUT-01 decodeCharset gives a text or undefined: ${mutationCount} texts`, { timeout }, async () => {
  const charsets = ['hz-gb-2312', 'iso-2022-kr', 'iso-2022-jp', 'utf-7', 'gb18030', 'x-unknown'];
  await mutateOctets({
    name: 'decodeCharset',
    samples: [octetsOf('~{VPND~}\n'), octetsOf('\x1b$)C\x0e1[\x0f\n'), octetsOf('+AOQ-\xff')],
    words: ['~{', '~}', '~~', '~\n', '\x0e', '\x0f', '\x1b$)C', '+', '-', '\x80'],
    check(octets, { pick }) {
      const text = decodeCharset(octets, pick(charsets));
      if (text === undefined) return 'refused';
      // Half a surrogate pair is no text.
      expect(text.isWellFormed()).toBe(true);
      return 'accepted';
    },
  });
});

it(`MUT-01 parseHeaderBlock gives fields or MimeError: ${mutationCount} headers`, { timeout }, async () => {
  await mutateOctets({
    name: 'parseHeaderBlock',
    samples: [octetsOf('From: a@b.test\r\nSubject: folded\r\n over two\r\nX-Empty:\r\n')],
    words: [':', '\r\n', '\r\n ', '\n', '\r', ' ', '\0', 'From: '],
    check(octets) {
      try {
        parseHeaderBlock(octets);
        return 'accepted';
      } catch (error) {
        if (!MimeError.isInstance(error)) throw error;
        return 'refused';
      }
    },
  });
});

it(`MUT-01 decodeFlowed, textFromHtml and inlineDataUrls never throw: ${mutationCount} texts`, {
  timeout,
}, async () => {
  await mutateText({
    name: 'texts of people',
    samples: [
      '> quoted \n> text\n-- \nAnn \n',
      '<p>Hello <b>Bob</b>,<br>see <a href="https://example.com/?a=1&amp;b=2">this</a></p><ul><li>one</li></ul>',
      '<img src="data:image/png;base64,iVBORw0K"><div style="background:url(\'data:text/plain,%20x\')">',
    ],
    words: ['<', '>', '</', '&', ';', '"', "'", 'data:', ';base64,', 'url(', '<!--', '-->', '%', ' \n', '>'],
    check(text) {
      decodeFlowed(text);
      textFromHtml(text);
      const { html, attachments } = inlineDataUrls(text);
      for (const { contentId } of attachments) expect(html).toContain(`cid:${contentId}`);
      return 'accepted';
    },
  });
});

it(`MUT-01 calendarParts gives the parts of an invitation or MB_MIME_CALENDAR: ${mutationCount} objects`, {
  timeout,
}, async () => {
  await mutateText({
    name: 'calendarParts',
    samples: [
      'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:folded\r\n  text\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
    ],
    words: ['BEGIN:', 'END:', 'METHOD:', 'REQUEST', '\r\n ', '\n', ':', ';', 'VCALENDAR', '\r'],
    check(content) {
      try {
        calendarParts({ method: 'REQUEST', content });
        return 'accepted';
      } catch (error) {
        if (!MimeError.isInstance(error)) throw error;
        expect(error.code).toBe('MB_MIME_CALENDAR');
        return 'refused';
      }
    },
  });
});
