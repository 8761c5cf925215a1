import { createSign, createVerify, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { codeOf, composeText, fieldsOf } from '../test/compose-text.ts';
import { composeMessage, type Message, parseMessage, rawPart } from './index.ts';

const octetsOf = (text: string) => Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1');

const signed =
  'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nDear =C3=A9,\n\ntrailing \n';
const multipart = (signature: string) =>
  `Content-Type: multipart/signed; micalg=pgp-sha256;\n\tprotocol="application/pgp-signature"; boundary="--=_s"\n\n` +
  `no MIME here\n----=_s\n${signed}\n----=_s\nContent-Type: application/pgp-signature\n\n${signature}\n----=_s--\n`;

describe('a message whose content is ready', () => {
  it('MIME-60 has the octets of the part after its own header', async () => {
    const part = octetsOf(multipart('sig'));
    const text = await composeText({ subject: 'é', part });
    expect(fieldsOf(text).map(([name]) => name)).toEqual([
      'From',
      'Subject',
      'Date',
      'Message-ID',
      'MIME-Version',
      'Content-Type',
    ]);
    expect(text.endsWith(part.toString('latin1'))).toBe(true);
    const composed = composeMessage({ from: 'a@example.com', part });
    expect(composed.size).toBe((await composed.bytes()).length);
    expect(composed.requires.eightBit).toBe(false);
  });

  it('MIME-60 keeps a signature over a part valid, from signing to parsing', async () => {
    // RFC 1847 §2.1: what is signed is the part with its header, CRLF line ends, without the delimiter's line break.
    const octets = octetsOf(signed);
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const signature = createSign('sha256').update(octets).sign(key.privateKey).toString('base64');
    for (const attach of [(part: Uint8Array): Partial<Message> => ({ part }), attached]) {
      const bytes = await composeMessage({
        from: 'a@example.com',
        ...attach(octetsOf(multipart(signature))),
      }).bytes();
      const message = await parseMessage(bytes);
      const outer = message.attachments.find((one) => one.message !== undefined);
      const [source, root] =
        outer === undefined ? [bytes, message.root] : [outer.content, outer.message!.root];
      const [first, second] = root.parts;
      const verified = createVerify('sha256')
        .update(rawPart(source, first!).octets)
        .verify(key.publicKey, Buffer.from(Buffer.from(second!.content).toString(), 'base64'));
      expect(verified).toBe(true);
      expect(message.defects).toEqual([]);
    }
  });

  it('MIME-60 takes MIME-Version from the part, as openssl writes it', async () => {
    const text = await composeText({ part: octetsOf(`MIME-Version: 1.0\n${multipart('sig')}`) });
    expect(text.match(/^mime-version:/gim)).toHaveLength(1);
    expect((await parseMessage(Buffer.from(text, 'latin1'))).text).toBe('Dear é,\n\ntrailing\n');
  });

  it('MIME-60 ends in a line break, and keeps the part away from boundaries of its own', async () => {
    const text = await composeText({ part: Buffer.from('Content-Type: text/plain\r\n\r\nx', 'latin1') });
    expect(text.endsWith('\r\n\r\nx\r\n')).toBe(true);
  });

  it('MIME-61 refuses a part that would have to change, or that is none', async () => {
    const part = octetsOf(multipart('sig'));
    const refused: [Partial<Message>, string][] = [
      [{ part: octetsOf('Content-Type: text/plain\n\nx').subarray(0, -3) }, 'MB_MIME_CONTENT'],
      [{ part: octetsOf('\nx') }, 'MB_MIME_CONTENT'],
      [{ part: octetsOf('x') }, 'MB_MIME_CONTENT'],
      [{ part: new Uint8Array(0) }, 'MB_MIME_CONTENT'],
      [{ part: octetsOf('Subject: x\nContent-Type: text/plain\n\nx') }, 'MB_MIME_CONTENT'],
      [{ part: octetsOf('Content-Type: text/plain\nBcc: evil@example.com\n\nx') }, 'MB_MIME_CONTENT'],
      [{ part: octetsOf('Content-Description: x\n\nx') }, 'MB_MIME_CONTENT'],
      [{ part: 'Content-Type: text/plain\r\n\r\nx' as unknown as Uint8Array }, 'MB_MIME_CONTENT'],
      [{ part: Buffer.from('Content-Type: text/plain\n\nx') }, 'MB_MIME_CONTENT_LINES'],
      [{ part: octetsOf(`Content-Type: text/plain\n\n${'x'.repeat(1000)}`) }, 'MB_MIME_CONTENT_LINES'],
      [{ part: octetsOf('Content-Type: text/plain\n\n\0') }, 'MB_MIME_CONTENT_LINES'],
      [{ part: octetsOf('Content-Type: text/plain\n\n\xe9') }, 'MB_MIME_NOT_SEVEN_BIT'],
      [{ part, text: '' }, 'MB_MIME_CONTENT'],
      [{ part, attachments: [{ content: 'x' }] }, 'MB_MIME_CONTENT'],
    ];
    for (const [message, code] of refused) {
      expect(await codeOf(() => composeText(message)), JSON.stringify(message)).toBe(code);
    }
    const eightBit = {
      part: octetsOf('Content-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\n\xe9\n'),
    };
    expect(await composeText(eightBit, { body: '8bit' })).toContain('\r\n\xe9\r\n');
    expect(composeMessage({ from: 'a@example.com', ...eightBit }, { body: '8bit' }).requires.eightBit).toBe(
      true,
    );
  });
});

const attached = (part: Uint8Array): Partial<Message> => ({
  attachments: [{ message: { from: 'b@example.com', part } }, { content: 'x', filename: 'x.bin' }],
});

describe('an attached message with UTF-8 in its header', () => {
  const inner: Message = {
    from: 'jörg@example.com',
    subject: 'é',
    text: 'é',
    attachments: [{ content: 'x' }],
  };

  it('MIME-62 is message/global in base64 in a 7-bit message', async () => {
    const composed = composeMessage({ from: 'a@example.com', text: 't', attachments: [{ message: inner }] });
    const bytes = await composed.bytes();
    expect(composed.requires).toEqual({ eightBit: false, smtputf8: false });
    expect(bytes.every((octet) => octet < 128)).toBe(true);
    expect(composed.size).toBe(bytes.length);
    expect(composed.repeatable).toBe(true);
    const [attachment] = (await parseMessage(bytes)).attachments;
    expect(attachment!.headers.get('Content-Transfer-Encoding')).toBe('base64');
    expect([attachment!.contentType, attachment!.message?.subject, attachment!.message?.text]).toEqual([
      'message/global',
      'é',
      'é',
    ]);
    expect(attachment!.message?.from).toMatchObject([{ address: 'jörg@example.com' }]);
    const eight = composed.variant('8bit');
    const [same] = (await parseMessage(await eight.bytes())).attachments;
    expect(eight.requires.eightBit).toBe(true);
    expect(same!.headers.get('Content-Transfer-Encoding')).toBe('8bit');
    expect(same!.message?.messageId).toBe(attachment!.message?.messageId);
  });

  it('MIME-62 holds for a message attached to an attached one, and for streams', async () => {
    async function* stream() {
      yield 'streamed';
    }
    const middle: Message = {
      from: 'b@example.com',
      attachments: [{ message: { ...inner, attachments: [{ content: stream() }] } }],
    };
    const composed = composeMessage({ from: 'a@example.com', attachments: [{ message: middle }] });
    expect([composed.repeatable, composed.size]).toEqual([false, undefined]);
    const bytes = await composed.bytes();
    expect(bytes.every((octet) => octet < 128)).toBe(true);
    const deep = (await parseMessage(bytes)).attachments[0]?.message?.attachments[0];
    expect(deep?.contentType).toBe('message/global');
    expect(Buffer.from(deep!.message!.attachments[0]!.content).toString()).toBe('streamed');
  });
});
