import { describe, expect, it } from 'vitest';
import {
  composeMessage,
  type DefectCode,
  type ParsedMessage,
  type ParsedPart,
  parseMessage,
  readReport,
} from './index.ts';

/** A part: a type with its parameters, further header lines, and either content or parts. */
type Part = readonly [type: string, content: string | readonly Part[], ...lines: string[]];

let boundaries = 0;

function write([type, content, ...lines]: Part): string {
  const header = (extra: string) => [`Content-Type: ${type}${extra}`, ...lines, '', ''].join('\r\n');
  if (typeof content === 'string') return header('') + content;
  const boundary = `b${++boundaries}`;
  const parts = content.map((part) => `--${boundary}\r\n${write(part)}\r\n`).join('');
  return `${header(`; boundary=${boundary}`)}${parts}--${boundary}--\r\n`;
}

const parse = (part: Part) => parseMessage(Buffer.from(write(part), 'latin1'));
const names = (parts: readonly ParsedPart[]) =>
  parts.map(({ path, contentType }) => `${path} ${contentType}`);
const codes = ({ defects }: ParsedMessage): DefectCode[] => defects.map(({ code }) => code);

const plain = (text: string, ...lines: string[]): Part => ['text/plain', text, ...lines];
const html = (text: string, ...lines: string[]): Part => ['text/html', text, ...lines];
const image: Part = ['image/png; name=x.png', 'png', 'Content-Disposition: inline; filename=x.png'];
const pdf: Part = ['application/pdf', '%PDF', 'Content-Disposition: attachment; filename=a.pdf'];

interface Expected {
  readonly text?: string | undefined;
  readonly html?: string | undefined;
  readonly textBody?: readonly string[];
  readonly htmlBody?: readonly string[];
  readonly alternatives?: readonly string[];
  readonly attachments?: readonly string[];
}

async function expectBody(part: Part, expected: Expected): Promise<void> {
  const message = await parse(part);
  const { text, html: markup, textBody, htmlBody, alternatives, attachments } = message;
  const read = {
    text,
    html: markup,
    textBody: names(textBody),
    htmlBody: names(htmlBody),
    alternatives: names(alternatives),
    attachments: names(attachments),
  };
  expect(read).toMatchObject(expected);
  expect(codes(message)).toEqual([]);
}

describe('BODY-01 BODY-02 BODY-11 BODY-03 BODY-04 the body of a message', () => {
  it.each<[string, Part, Expected]>([
    [
      'at the root by its type',
      ['text/plain; name="a.txt"', 'a'],
      { text: 'a', html: undefined, attachments: [] },
    ],
    [
      'at the root by its disposition',
      plain('a', 'Content-Disposition: inline; filename=a.txt'),
      { text: 'a' },
    ],
    ['HTML at the root', html('<p>a', 'Content-Disposition: inline; filename=a.htm'), { html: '<p>a' }],
    [
      'in an alternative',
      [
        'multipart/alternative',
        [
          ['text/plain; name=plain.txt', 'a'],
          ['text/html; name=body.html', '<p>a'],
        ],
      ],
      { text: 'a', html: '<p>a', textBody: ['1 text/plain'], htmlBody: ['2 text/html'], attachments: [] },
    ],
    [
      'in an alternative, as inline files',
      [
        'multipart/alternative',
        [
          plain('a', 'Content-Disposition: inline; filename=a.txt'),
          html('<p>a', 'Content-Disposition: inline; filename=a.htm'),
        ],
      ],
      { text: 'a', html: '<p>a', attachments: [] },
    ],
    [
      'first in a related',
      ['multipart/related', [['text/html; name=a.htm', '<p>a'], image]],
      { html: '<p>a', attachments: ['2 image/png'] },
    ],
    [
      'first in a mixed',
      ['multipart/mixed', [['text/plain; name=a.txt', 'a'], pdf]],
      { text: 'a', attachments: ['2 application/pdf'] },
    ],
  ])('BODY-01 is a text that has a name: %s', async (_, part, expected) => {
    await expectBody(part, expected);
  });

  it.each<[string, Part, Expected]>([
    [
      'at the root',
      plain('a', 'Content-Disposition: attachment; filename=a.txt'),
      { text: undefined, textBody: [], attachments: [' text/plain'] },
    ],
    [
      'in an alternative',
      ['multipart/alternative', [plain('a'), html('<p>b', 'Content-Disposition: attachment')]],
      { text: 'a', html: undefined, attachments: ['2 text/html'] },
    ],
    [
      'a named text after the first part of a mixed',
      ['multipart/mixed', [plain('a'), ['text/plain; name=notes.txt', 'b']]],
      { text: 'a', attachments: ['2 text/plain'] },
    ],
    [
      'a text beside the root of a related',
      ['multipart/related', [html('<p>a'), plain('b')]],
      { html: '<p>a', text: undefined, attachments: ['2 text/plain'] },
    ],
  ])('BODY-02 BODY-11 leaves attachments out: %s', async (_, part, expected) => {
    await expectBody(part, expected);
  });

  it.each<[string, Part, Expected]>([
    [
      'text, image, text',
      ['multipart/mixed', [plain('before'), image, plain('after')]],
      {
        text: 'before\nafter',
        html: undefined,
        textBody: ['1 text/plain', '2 image/png', '3 text/plain'],
        htmlBody: ['1 text/plain', '2 image/png', '3 text/plain'],
        attachments: ['2 image/png'],
      },
    ],
    [
      'text, then an alternative',
      [
        'multipart/mixed',
        [plain('Important.'), ['multipart/alternative', [plain('Sig'), html('<p>Sig</p>')]]],
      ],
      {
        text: 'Important.\nSig',
        html: '<div>Important.</div>\n<p>Sig</p>',
        textBody: ['1 text/plain', '2.1 text/plain'],
        htmlBody: ['1 text/plain', '2.2 text/html'],
        attachments: [],
      },
    ],
    [
      'text, then HTML',
      ['multipart/mixed', [plain('a < b & c'), html('<p>d &amp; e</p>')]],
      { text: 'a < b & c\nd & e', html: '<div>a &#60; b &#38; c</div>\n<p>d &amp; e</p>' },
    ],
    [
      'an alternative and the footer of a list',
      ['multipart/mixed', [['multipart/alternative', [plain('a\n'), html('<p>a</p>')]], plain('footer')]],
      { text: 'a\nfooter', html: '<p>a</p>\n<div>footer</div>', attachments: [] },
    ],
    [
      'HTML and a text footer',
      ['multipart/mixed', [html('<h1>a</h1>'), plain('one\r\ntwo')]],
      { text: 'a\none\ntwo', html: '<h1>a</h1>\n<div>one<br>\ntwo</div>' },
    ],
    [
      'an empty first part',
      ['multipart/mixed', [plain(''), html('<p>a'), plain('footer')]],
      { text: 'a\nfooter', html: '<p>a\n<div>footer</div>', attachments: [] },
    ],
    [
      'text in a mixed in a mixed',
      ['multipart/mixed', [['multipart/mixed', [plain('a'), pdf]], plain('footer')]],
      { text: 'a\nfooter', attachments: ['1.2 application/pdf'] },
    ],
    [
      'a signed text',
      ['multipart/signed', [plain('a'), ['application/pgp-signature; name=signature.asc', 'x']]],
      { text: 'a', attachments: ['2 application/pgp-signature'] },
    ],
  ])('BODY-03 BODY-08 BODY-12 holds all texts in order, in both forms: %s', async (_, part, expected) => {
    await expectBody(part, expected);
  });

  it.each<[string, Part, Expected]>([
    [
      'one form for both lists',
      ['multipart/alternative', [html('<p>a')]],
      { text: undefined, html: '<p>a', textBody: ['1 text/html'], htmlBody: ['1 text/html'] },
    ],
    [
      'two plain texts',
      ['multipart/alternative', [plain('a'), plain('b'), html('<p>c')]],
      { text: 'a\nb', html: '<p>c', attachments: [] },
    ],
    [
      'a related inside',
      ['multipart/alternative', [plain('a'), ['multipart/related', [html('<p>a'), image]]]],
      {
        text: 'a',
        html: '<p>a',
        textBody: ['1 text/plain'],
        htmlBody: ['2.1 text/html'],
        attachments: ['2.2 image/png'],
      },
    ],
    [
      'HTML around a file, as Apple Mail writes it',
      ['multipart/alternative', [plain('a b'), ['multipart/mixed', [html('<p>a'), pdf, html('<p>b')]]]],
      {
        text: 'a b',
        html: '<p>a\n<p>b',
        htmlBody: ['2.1 text/html', '2.3 text/html'],
        attachments: ['2.2 application/pdf'],
      },
    ],
    [
      'a plain text around an image',
      ['multipart/alternative', [['multipart/mixed', [plain('a'), image, plain('b')]], html('<p>ab')]],
      { text: 'a\nb', html: '<p>ab', attachments: ['1.2 image/png'] },
    ],
    [
      'a named calendar',
      [
        'multipart/alternative',
        [plain('a'), html('<p>a'), ['text/calendar; name=invite.ics', 'BEGIN:VCALENDAR']],
      ],
      { text: 'a', html: '<p>a', alternatives: ['3 text/calendar'], attachments: [] },
    ],
    [
      'a calendar that is an attachment',
      [
        'multipart/alternative',
        [plain('a'), ['text/calendar', 'x', 'Content-Disposition: attachment; filename=i.ics']],
      ],
      { alternatives: [], attachments: ['2 text/calendar'] },
    ],
    [
      'both forms in one branch',
      ['multipart/alternative', [['multipart/mixed', [plain('a'), html('<p>b')]], html('<p>c')]],
      { text: 'a\nb', html: '<p>c', attachments: [] },
    ],
    [
      'an alternative in a branch of another form',
      [
        'multipart/alternative',
        [
          ['multipart/mixed', [plain('a'), ['multipart/alternative', [plain('b'), html('<p>c')]]]],
          html('<p>d'),
        ],
      ],
      { text: 'a\nb\nc', html: '<p>d', attachments: [] },
    ],
    [
      'several alternatives',
      [
        'multipart/mixed',
        [
          ['multipart/alternative', [plain('a'), html('<p>a')]],
          ['multipart/alternative', [plain('b'), html('<p>b')]],
        ],
      ],
      { text: 'a\nb', html: '<p>a\n<p>b' },
    ],
  ])('BODY-04 takes each form from an alternative: %s', async (_, part, expected) => {
    await expectBody(part, expected);
  });

  it('BODY-05 has the part that start names for its root in a related', async () => {
    const inner: readonly Part[] = [image, html('<p>a', 'Content-ID: <root@example.com>')];
    await expectBody(['multipart/related; start="<root@example.com>"', inner], {
      html: '<p>a',
      attachments: ['1 image/png'],
    });
    await expectBody(['multipart/related; start="<none@example.com>"', [html('<p>b'), image]], {
      html: '<p>b',
      attachments: ['2 image/png'],
    });
  });

  it('BODY-09 shows no words of scripts and styles, and none of the markup', async () => {
    const markup =
      '<style>p { x: y }</style><!-- a > b --><p class="x">one&nbsp;&lt;b&gt; &#8364;&#x20AC;<br>two<script>if (a < b) x</script>\n three</p> 1 < 2<a href="';
    const { text } = await parse(['multipart/mixed', [plain('x'), html(markup)]]);
    expect(text).toBe('x\none\u00a0<b> €€\ntwo three\n1 < 2');
  });

  it('BODY-10 lists a charset that is not known once', async () => {
    const message = await parse(['multipart/mixed', [html('a'), ['text/plain; charset=x-none', '\xe9']]]);
    expect(message.text).toBe('a\né');
    expect(message.html).toBe('a\n<div>é</div>');
    expect(codes(message)).toEqual(['unknown-charset']);
  });

  it('PARSE-05 has a report that a mailing list has wrapped', async () => {
    const status: Part = [
      'message/delivery-status',
      'Reporting-MTA: dns; a.example\r\n\r\nFinal-Recipient: rfc822; b@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n',
    ];
    const report: Part = ['multipart/report; report-type=delivery-status', [plain('failed'), status]];
    const message = await parse(['multipart/mixed', [report, plain('footer')]]);
    expect(readReport(message)).toMatchObject({ kind: 'delivery-status', recipients: [{ status: '5.1.1' }] });
    expect(message.text).toBe('failed\nfooter');
    expect(readReport(await parse(['multipart/report', [plain('x')]]))).toBeUndefined();
    expect(readReport(await parse(status))).toBeUndefined();
  });

  it('BODY-01 comes back from what composeMessage writes', async () => {
    const composed = composeMessage({
      from: 'a@example.com',
      text: 'a',
      html: '<p>a',
      alternatives: [{ contentType: 'text/calendar; method=REQUEST', content: 'x' }],
      attachments: [
        { filename: 'a.txt', content: 'file' },
        { filename: 'x.png', content: new Uint8Array(3), contentId: 'x@x' },
      ],
    });
    const message = await parseMessage(await composed.bytes());
    expect([message.text, message.html]).toEqual(['a', '<p>a']);
    expect(message.alternatives.map(({ contentType }) => contentType)).toEqual(['text/calendar']);
    expect(message.attachments.map(({ filename }) => filename)).toEqual(['x.png', 'a.txt']);
  });
});
