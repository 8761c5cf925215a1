import { createRequire } from 'node:module';
import assert from './assert.mjs';
import { consumers } from './nodemailer-consumers.mjs';

const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** A program as nodemailer's users write it; only the transport is given from outside. */
async function program(nodemailer, transport, privateKey) {
  const transporter = nodemailer.createTransport(transport, { from: '"Shop" <shop@example.com>' });
  return transporter.sendMail({
    to: 'Bob <bob@example.org>, carol@example.org',
    bcc: 'archive@example.org',
    subject: 'Grüße',
    text: 'Hello.',
    html: '<p>Hello <img src="cid:logo@shop"></p>',
    attachments: [
      { filename: 'naïve.txt', content: 'text' },
      { filename: 'logo.png', content: pixel.toString('base64'), encoding: 'base64', cid: 'logo@shop' },
      { path: 'package.json' },
    ],
    icalEvent: { method: 'REQUEST', content: 'BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n' },
    list: { unsubscribe: { url: 'https://example.com/unsubscribe', comment: 'Stop' } },
    dkim: { domainName: 'example.com', keySelector: 's1', privateKey },
  });
}

/** Runs the program unchanged but for its transport, in both modes and by both ways of loading, and reads what came. */
export async function check(modules, load) {
  const { mbTransport, fromNodemailer } = modules['@mb/nodemailer'];
  const { MailBroker, MemoryStore } = await load('@mb/broker');
  const { createMailbox } = await load('@mb/testkit');
  const { generateKeyPair, verifyMessage } = await load('@mb/dkim');
  const { parseMessage } = await load('@mb/mime');
  const { privateKey, dnsName, dnsRecord } = await generateKeyPair({ domain: 'example.com', selector: 's1' });
  const mailbox = await createMailbox();
  const store = new MemoryStore();
  await store.open();
  const broker = new MailBroker({
    hostname: 'mail.example.com',
    store,
    delivery: { routes: mailbox.routes },
  });
  broker.start();
  try {
    const imported = (await import('nodemailer')).default;
    const required = createRequire(import.meta.url)('nodemailer');
    for (const nodemailer of [imported, required]) {
      for (const mode of ['send', 'queue']) {
        mailbox.clear();
        const info = await program(nodemailer, mbTransport({ broker, mode }), privateKey);
        assert(
          info.accepted.join() === 'bob@example.org,carol@example.org,archive@example.org',
          JSON.stringify(info),
        );
        assert(info.rejected.length === 0 && /^250 /.test(info.response), info.response);
        const { raw } = await mailbox.waitForMessage({ to: 'carol@example.org' });
        const message = await parseMessage(raw);
        assert(message.subject === 'Grüße' && message.text.trim() === 'Hello.', message.subject);
        assert(message.headers.get('Bcc') === undefined, 'Bcc is not written');
        assert(/unsubscribe/.test(message.headers.get('List-Unsubscribe')), 'List-Unsubscribe');
        const names = message.attachments.map(({ filename }) => filename).join();
        assert(
          names.includes('naïve.txt') && names.includes('logo.png') && names.includes('package.json'),
          names,
        );
        assert(names.includes('invite.ics'), names);
        const resolveTxt = async (name) => (name === dnsName ? [[dnsRecord]] : []);
        const { signatures } = await verifyMessage(raw, { resolveTxt });
        assert(signatures[0]?.status === 'pass', JSON.stringify(signatures[0]));
      }
    }
    for (const run of Object.values(consumers)) {
      mailbox.clear();
      const look = await run(mbTransport({ broker, mode: 'queue' }));
      look(await mailbox.waitForMessage({ to: 'bob@example.org' }));
    }
    const message = await fromNodemailer({
      from: 'a@example.com',
      to: 'b@example.org, c@example.org',
      text: 'x',
    });
    assert(message.to.length === 2, 'fromNodemailer');
  } finally {
    await broker.close({ graceMs: 0 });
    await mailbox.close();
    await store.close();
  }
}
