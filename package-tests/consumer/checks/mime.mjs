import assert from './assert.mjs';

/** Composes a message with everything in it, and undoes each encoding with what the platform has. */
export async function check(modules) {
  const mime = modules['@mb/mime'];
  const picture = Uint8Array.from({ length: 300 }, (_, index) => index & 255);
  const composed = mime.composeMessage({
    from: { name: 'Ada Łukasz', address: 'ada@example.com' },
    to: 'bob@example.org',
    bcc: 'secret@example.net',
    subject: 'Grüße – 你好',
    text: 'Straße\n.dot',
    html: '<p>Straße <img src="cid:picture"></p>',
    attachments: [{ filename: 'picture.png', content: picture, contentId: 'picture' }],
  });
  const octets = await composed.bytes();
  const text = new TextDecoder('latin1').decode(octets);
  assert(octets.length === composed.size, 'size is known and right');
  assert(!text.includes('secret@example.net'), 'Bcc is not in the octets');
  assert(composed.envelope.to.includes('secret@example.net'), 'Bcc is in the envelope');
  assert(!/[^\r]\n|\r[^\n]/.test(text), 'all line ends are CRLF');
  assert(/^Content-Type: multipart\/alternative/im.test(text), 'text and HTML are alternatives');
  const subject = /^Subject: ([^\r]+(?:\r\n[ \t][^\r]+)*)/m.exec(text)?.[1] ?? '';
  assert(mime.decodeWords(mime.unfoldHeader(subject)) === 'Grüße – 你好', `subject ${subject}`);
  assert(
    new TextDecoder().decode(mime.decodeQuotedPrintable(mime.encodeQuotedPrintable('Straße='))) === 'Straße=',
    'quoted-printable',
  );
  assert(atob(mime.encodeBase64(picture).replaceAll('\r\n', '')).length === 300, 'base64');
  for (const encoding of ['Base64', 'QuotedPrintable']) {
    const ascii = new TextDecoder().decode(mime[`encode${encoding}Octets`](picture));
    assert(ascii === mime[`encode${encoding}`](picture), `${encoding} as octets`);
  }
  let refused;
  try {
    mime.composeMessage({
      from: 'ada@example.com',
      to: 'bob@example.org',
      subject: 'x\r\nBcc: eve@example.net',
    });
  } catch (error) {
    refused = error;
  }
  assert(mime.MimeError.isInstance(refused), 'a line end in a header is refused with a typed error');

  const { fileAttachment } = modules['@mb/mime/node'] ?? {};
  if (fileAttachment) {
    const withFile = mime.composeMessage({
      from: 'ada@example.com',
      to: 'bob@example.org',
      attachments: [await fileAttachment('package.json')],
    });
    assert((await withFile.bytes()).length > 300, 'a file is attached');
  }

  // A page has the core alone.
  if (modules['@mb/mime/charsets']) await checkOptional(modules, mime);
}

/** Puts each subpath that needs an optional package to use. */
async function checkOptional(modules, mime) {
  const { decodeCharset } = modules['@mb/mime/charsets'];
  assert(mime.decodeWords('=?cp850?Q?=82?=', { decodeCharset }) === 'é', 'code page 850');
  const { textFromHtml } = modules['@mb/mime/html'];
  assert(textFromHtml('<p>Grüße</p>') === 'Grüße', 'text from HTML');
  const { inlineDataUrls } = modules['@mb/mime/data-url'];
  assert(inlineDataUrls('<img src="data:image/gif;base64,R0lG">').attachments.length === 1, 'data: URL');
  const { calendarParts } = modules['@mb/mime/calendar'];
  const content = 'BEGIN:VCALENDAR\nMETHOD:CANCEL\nEND:VCALENDAR';
  assert(calendarParts({ method: 'CANCEL', content }).alternatives.length === 1, 'calendar');
  const xml = '<feedback><record><row><source_ip>192.0.2.1</source_ip></row></record></feedback>';
  const { parseAggregateReport } = modules['@mb/mime/aggregate-report'];
  assert(parseAggregateReport(new TextEncoder().encode(xml)).records.length === 1, 'aggregate report');
  const { parseTlsReport } = modules['@mb/mime/tls-report'];
  assert(parseTlsReport(new TextEncoder().encode('{"policies":[]}')).kind === 'tls', 'TLS report');
}
