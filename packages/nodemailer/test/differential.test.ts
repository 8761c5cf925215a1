import { composeMessage, type Message } from '@mb/mime';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import PostalMime, { decodeWords } from 'postal-mime';
import { expect, it } from 'vitest';
import { fromNodemailer } from '../src/index.ts';

const word = fc.stringMatching(/^[a-zA-Z0-9äöüßéñ中文字🎉,;:'"()!?&.-]{1,12}$/u);
const line = fc.array(word, { minLength: 1, maxLength: 8 }).map((words) => words.join(' '));
const body = fc.array(line, { minLength: 1, maxLength: 6 }).map((lines) => lines.join('\n'));
const address = fc
  .tuple(
    fc.stringMatching(/^[a-z][a-z0-9]{0,8}(?:\.[a-z0-9]{1,5})?$/),
    fc.constantFrom('example.com', 'one.test', 'münchen.test'),
  )
  .map(([local, domain]) => `${local}@${domain}`);
const name = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' '));
const mailbox = fc.oneof(
  address,
  fc.record({ name, address }),
  fc.tuple(fc.stringMatching(/^[A-Z][a-z]{1,9}$/), address).map(([who, at]) => `${who} <${at}>`),
);
const list = fc.oneof(
  mailbox,
  fc.array(mailbox, { minLength: 1, maxLength: 4 }),
  fc.array(address, { minLength: 2, maxLength: 3 }).map((all) => all.join(', ')),
);
const octets = fc.uint8Array({ minLength: 1, maxLength: 200 });
const filename = fc.stringMatching(/^[a-zA-Z0-9äé]{1,12}$/u).map((stem) => `${stem}.bin`);
const attachment = fc.oneof(
  fc.record({ filename, content: octets.map((data) => Buffer.from(data)) }),
  fc.record({
    filename,
    content: octets.map((data) => Buffer.from(data).toString('base64')),
    encoding: fc.constant('base64'),
  }),
  fc.record({
    filename,
    path: octets.map((data) => `data:application/x-demo;base64,${Buffer.from(data).toString('base64')}`),
  }),
  fc.record({
    filename: line.map((text) => `${text.slice(0, 8).replace(/[^a-z0-9]/gi, 'x')}.txt`),
    content: body,
    contentType: fc.constant('text/plain'),
  }),
);
const options = fc.record(
  {
    from: mailbox,
    to: list,
    cc: list,
    bcc: list,
    replyTo: mailbox,
    subject: line,
    text: body,
    html: body.map((text) => `<p>${text}</p><img src="cid:logo@x">`),
    attachments: fc.array(attachment, { maxLength: 3 }),
    priority: fc.constantFrom('high', 'low', 'normal'),
    inReplyTo: fc.constant('<a@example.com>'),
    references: fc.constantFrom<string | string[]>('<a@example.com> <b@example.com>', [
      '<a@example.com>',
      '<b@example.com>',
    ]),
    messageId: fc.constant('<id@example.com>'),
    date: fc.date({ min: new Date('2000-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
    headers: fc.dictionary(fc.stringMatching(/^X-[A-Z][a-z]{1,8}$/), line, { maxKeys: 3 }),
    list: fc.constant({
      unsubscribe: 'https://example.com/u',
      help: { url: 'help@example.com', comment: 'ask (us)' },
    }),
  },
  { requiredKeys: ['from', 'to', 'subject', 'text', 'messageId', 'date'] },
);
const embedded = { filename: 'logo.png', cid: 'logo@x', content: Buffer.from('89504e47', 'hex') };

/** What a message says, as a parser that is not ours reads it. */
async function meaning(raw: Uint8Array) {
  const [mail, postal] = await Promise.all([simpleParser(Buffer.from(raw)), PostalMime.parse(raw)]);
  const trimmed = (text: string | undefined | false) => (text || '').replace(/\r\n/g, '\n').trimEnd();
  const people = (value: unknown) =>
    ([value ?? []].flat() as { name?: string; address?: string }[]).map(({ name: who, address: at }) => [
      who ?? '',
      at,
    ]);
  const fields = new Map(postal.headers.map(({ key, value }) => [key, decodeWords(value)]));
  const other = [...fields].filter(([key]) => /^x-|^list-|^in-reply-to|^references|^importance/.test(key));
  return {
    mailparser: {
      from: mail.from?.value,
      to: [mail.to ?? []].flat().flatMap(({ value }) => value),
      cc: [mail.cc ?? []].flat().flatMap(({ value }) => value),
      subject: mail.subject,
      date: mail.date?.getTime(),
      id: mail.messageId,
      text: trimmed(mail.text),
      html: trimmed(mail.html),
      references: mail.references,
      attachments: mail.attachments.map(
        ({ filename: called, contentType, content, cid, contentDisposition }) => ({
          called,
          contentType,
          cid,
          contentDisposition,
          content:
            contentType === 'text/plain'
              ? content.toString().replace(/\r\n/g, '\n')
              : content.toString('hex'),
        }),
      ),
    },
    postal: {
      from: people(postal.from),
      to: people(postal.to),
      cc: people(postal.cc),
      replyTo: people(postal.replyTo),
      subject: postal.subject,
      text: trimmed(postal.text),
      html: trimmed(postal.html),
      attachments: postal.attachments.map(({ filename: called, mimeType, disposition, contentId }) => [
        called,
        mimeType,
        disposition,
        contentId,
      ]),
      fields: Object.fromEntries(other.filter(([key]) => !/^x-msmail-priority$/.test(key)).sort()),
    },
  };
}

it('NM-20 composes 500 messages with the meaning that nodemailer gives them, read by two parsers', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(options, async (given) => {
      const attachments = [...(given.attachments ?? []), ...(given.html ? [embedded] : [])];
      const make = () => ({ ...given, attachments: attachments.map((one) => ({ ...one })) });
      const theirs = new MailComposer(withListAndPriority(make()) as never).compile();
      theirs.keepBcc = false;
      const ours = composeMessage((await fromNodemailer(make() as never)) as Message);
      const [a, b] = await Promise.all([theirs.build(), ours.bytes()]);
      expect(await meaning(b)).toEqual(await meaning(a));
      expect([...ours.envelope.to].sort()).toEqual([...new Set(theirs.getEnvelope().to)].sort());
    }),
    { numRuns: 500, seed: 20261130 },
  );
});

/** Header fields that nodemailer adds in its Mail class and not in the composer. */
function withListAndPriority<
  Given extends { list?: unknown; priority?: string; headers?: Record<string, string> },
>(given: Given) {
  const added: Record<string, string> = {};
  if (given.list) {
    added['List-Unsubscribe'] = '<https://example.com/u>';
    added['List-Help'] = '<mailto:help@example.com> (ask \\(us\\))';
  }
  if (given.priority === 'high') Object.assign(added, { 'X-Priority': '1 (Highest)', Importance: 'High' });
  if (given.priority === 'low') Object.assign(added, { 'X-Priority': '5 (Lowest)', Importance: 'Low' });
  return { ...given, headers: { ...given.headers, ...added } };
}
