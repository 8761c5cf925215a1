import { isAscii } from 'node:buffer';
import { composeMessage, formatReport, parseMessage, readReport } from '@mb/mime';
import { describe, expect, it } from 'vitest';
import { toSevenBit } from './seven-bit.ts';

const octets = (text: string) => Buffer.from(text.replace(/\n/g, '\r\n'));
const head = 'From: a@example.com\nTo: b@example.org\nSubject: s\n';

describe('a message in seven bits', () => {
  it.each([
    [
      'a text',
      `${head}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße\n`,
    ],
    ['a text without any MIME field', `${head}\nGrüße\n`],
    [
      'a multipart',
      `${head}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 8bit\n\npreamble\n--x\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<p>Größe</p>\n--x\nContent-Type: application/x-y\nContent-Transfer-Encoding: 8bit\n\nÄ\n--x\nContent-Type: text/plain\n\nplain\n--x--\n`,
    ],
    [
      'an attached message',
      `${head}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nFrom: c@example.com\nSubject: inner\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nÜber\n--x--\n`,
    ],
  ])('MSG-06 has the same content: %s', async (_, text) => {
    const original = octets(text);
    const converted = await toSevenBit(original);
    expect(isAscii(converted!)).toBe(true);
    const [before, after] = [await parseMessage(original), await parseMessage(converted!)];
    expect(after.text).toBe(before.text);
    expect(after.html).toBe(before.html);
    const contents = (message: typeof before) =>
      message.attachments.map(
        ({ content, message: inner }) => inner?.text ?? Buffer.from(content).toString(),
      );
    expect(contents(after)).toEqual(contents(before));
    expect(after.defects.filter(({ code }) => !before.defects.some((one) => one.code === code))).toEqual([]);
  });

  it('MSG-01 stays as it is where nothing has to change', async () => {
    const plain = octets(`${head}\nHello\n`);
    expect(Buffer.from((await toSevenBit(plain))!)).toEqual(plain);
  });

  it.each([
    ['a DKIM signature', `DKIM-Signature: v=1\n${head}\nGrüße\n`],
    ['an ARC seal', `ARC-Seal: i=1\n${head}\nGrüße\n`],
    ['a header in UTF-8', `${head}X-Note: Grüße\n\nGrüße\n`],
    [
      'multipart/signed',
      `${head}Content-Type: multipart/signed; boundary=x; protocol="application/pgp-signature"\n\n--x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße\n--x\nContent-Type: application/pgp-signature\n\nsig\n--x--\n`,
    ],
  ])('MSG-02 is not made where it would break %s', async (_, text) => {
    expect(await toSevenBit(octets(text))).toBeUndefined();
  });

  it('MSG-03 is a report with the header of the message that it returned in full', async () => {
    const composed = composeMessage(
      {
        from: 'mailer-daemon@example.com',
        to: 'a@example.com',
        subject: 'Undelivered',
        text: 'Sorry.',
        report: {
          record: formatReport({
            kind: 'delivery-status',
            reportingMta: { type: 'dns', value: 'mx.example.com' },
            recipients: [
              {
                finalRecipient: { type: 'rfc822', value: 'b@example.org' },
                action: 'failed',
                status: '5.1.1',
              },
            ],
          }),
          original: { message: octets(`${head}Content-Transfer-Encoding: 8bit\n\nGrüße\n`) },
        },
      },
      { body: '8bit' },
    );
    const converted = await toSevenBit(await composed.bytes());
    expect(isAscii(converted!)).toBe(true);
    const parsed = await parseMessage(converted!);
    const { root, text } = parsed;
    expect(root.parts.map(({ contentType }) => contentType)).toEqual([
      'text/plain',
      'message/delivery-status',
      'text/rfc822-headers',
    ]);
    expect(Buffer.from(root.parts[2]!.content).toString()).toContain('Subject: s');
    expect(Buffer.from(root.parts[2]!.content).toString()).not.toContain('Gr');
    expect(readReport(parsed)).toMatchObject({ recipients: [{ status: '5.1.1' }] });
    expect(text).toContain('Sorry.');
  });
});
