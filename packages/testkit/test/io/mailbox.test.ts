import { generateKeyPairSync } from 'node:crypto';
import { createTransport } from 'nodemailer';
import { expect, it } from 'vitest';
import { createBrokerDouble, createMailbox, mailMatchers } from '../../src/index.ts';
import '../../src/vitest.ts';

const reset = {
  from: 'no-reply@example.com',
  to: 'Bob@example.org',
  subject: 'Reset your password',
  text: 'Go to https://app.example.com/reset?token=a1b2c3. Your code is 123 456, or 4711 for phones. Order 12.5678, since 2026-11-30.',
  html: '<p>Go to <a href="https://app.example.com/reset?a=1&amp;token=x">here</a> or <a href=\'mailto:help@example.com\'>ask</a>.</p><style>a { color: #123456 }</style>',
};

it('TKM-01 gives a reset link in three lines', async () => {
  await using mailbox = await createMailbox();
  await createTransport(mailbox.url).sendMail(reset);
  const [link] = (await mailbox.waitForMessage({ to: 'bob@example.org', subject: /reset/i })).links();
  expect(link).toBe('https://app.example.com/reset?a=1&token=x');
});

it('TKM-02 finds links of HTML and text, by host and by what is in them', async () => {
  const mail = createBrokerDouble();
  await mail.broker.send(reset);
  const message = await mail.waitForMessage();
  expect(message.links()).toEqual([
    'https://app.example.com/reset?a=1&token=x',
    'mailto:help@example.com',
    'https://app.example.com/reset?token=a1b2c3',
  ]);
  expect(message.links({ host: 'app.example.com', match: /token=a/ })).toEqual([
    'https://app.example.com/reset?token=a1b2c3',
  ]);
});

it('TKM-03 TKM-10 finds codes, and neither dates, amounts nor parts of links', async () => {
  const mail = createBrokerDouble();
  await mail.broker.send(reset);
  const message = await mail.waitForMessage();
  expect(message.codes()).toEqual(['123456', '4711']);
  expect(message.codes(/code is (\d+)/)).toEqual(['123']);
  await mail.broker.send({
    ...reset,
    text: undefined,
    html: '<p>Code&nbsp;<b>987654</b></p><style>p{margin:1234px}</style>',
  });
  expect(mail.messages[1]!.codes()).toEqual(['987654']);
});

it('TKM-04 waits for what is not there yet, and says what came instead', async () => {
  await using mailbox = await createMailbox();
  const waiting = mailbox.waitForMessage({ subject: 'Second', timeoutMs: 5000 });
  const transporter = createTransport({
    host: mailbox.host,
    port: mailbox.port,
    auth: { user: 'any', pass: 'thing' },
  });
  await transporter.sendMail({ ...reset, subject: 'First', bcc: 'hidden@example.org' });
  await transporter.sendMail({ ...reset, subject: 'Second' });
  expect((await waiting).subject).toBe('Second');
  expect(mailbox.messages.map(({ subject }) => subject)).toEqual(['First', 'Second']);
  expect(mailbox.messages[0]!.to).toEqual(['bob@example.org', 'hidden@example.org']);
  await expect(mailbox.waitForMessage({ to: 'eve@example.org', timeoutMs: 50 })).rejects.toMatchObject({
    code: 'MB_TESTKIT_WAIT',
    message: expect.stringContaining('to bob@example.org: "Second"'),
  });
  mailbox.clear();
  expect(mailbox.messages).toEqual([]);
});

it('TKM-05 TKM-11 has matchers that wait, and say what there is', async () => {
  await using mailbox = await createMailbox();
  const transporter = createTransport(mailbox.url);
  setTimeout(() => void transporter.sendMail(reset), 50);
  await expect(mailbox).toHaveReceivedMail({ to: 'bob@example.org', subject: /Reset/, body: 'Your code' });
  await expect(mailbox).not.toHaveReceivedMail({ to: 'eve@example.org', timeoutMs: 30 });
  const failed = await mailMatchers.toHaveReceivedMail(mailbox, { to: 'eve@example.org', timeoutMs: 30 });
  expect([failed.pass, failed.message()]).toEqual([false, expect.stringContaining('There are 1')]);
});

it('TKM-06 tells whose signature verifies', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const record = `v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`;
  await using mailbox = await createMailbox();
  const dkim = { domainName: 'example.com', keySelector: 's1', privateKey };
  await createTransport(mailbox.url).sendMail({ ...reset, dkim });
  const message = await mailbox.waitForMessage();
  const dns = { 's1._domainkey.example.com': record };
  await expect(message).toBeSignedBy('example.com', { dns });
  await expect(message).not.toBeSignedBy('example.org', { dns });
  const changed = {
    ...message,
    raw: Buffer.from(Buffer.from(message.raw).toString().replace('Your code', 'Our code')),
  };
  await expect(changed).not.toBeSignedBy('example.com', { dns });
  await createTransport(mailbox.url).sendMail({ ...reset, subject: 'Unsigned' });
  const unsigned = await mailbox.waitForMessage({ subject: 'Unsigned' });
  expect((await mailMatchers.toBeSignedBy(unsigned, 'example.com', { dns })).message()).toContain(
    'no signature',
  );
});

it('TKM-07 TKM-12 replaces a broker: outcomes, idempotency and failures, without a socket', async () => {
  const mail = createBrokerDouble({
    recipients: { 'gone@example.org': { status: 'failed', reason: 'No such user' } },
  });
  const outcomes = await mail.broker.send({ ...reset, to: ['bob@example.org', 'Gone <gone@example.org>'] });
  expect(outcomes).toMatchObject([
    { status: 'delivered' },
    { status: 'failed', reason: 'No such user', enhanced: '5.1.1' },
  ]);
  const first = await mail.broker.enqueue(reset, { idempotencyKey: 'a' });
  const again = await mail.broker.enqueue(reset, { idempotencyKey: 'a' });
  expect([again.id, again.duplicate, mail.messages.length]).toEqual([first.id, true, 2]);
  await mail.broker.send({
    raw: Buffer.from('Subject: Raw\r\n\r\nx\r\n'),
    envelope: { from: '', to: ['a@example.org'] },
  });
  expect(mail.messages[2]).toMatchObject({ from: '', subject: 'Raw', text: 'x\n' });
  mail.setScript({ throws: new Error('no store') });
  await expect(mail.broker.enqueue(reset)).rejects.toThrow('no store');
  expect(mail.calls.map(({ method }) => method)).toEqual(['send', 'enqueue', 'send']);
});

it('TKM-08 does what a script says, such as refusing a recipient', async () => {
  await using mailbox = await createMailbox({
    script: { recipients: { 'gone@example.org': '550 5.1.1 No such user' } },
  });
  const info = await createTransport(mailbox.url).sendMail({
    ...reset,
    to: ['bob@example.org', 'gone@example.org'],
  });
  expect(info.rejected).toEqual(['gone@example.org']);
  expect((await mailbox.waitForMessage()).to).toEqual(['bob@example.org']);
});

it('TKM-09 works in jest: the matchers are plain functions', async () => {
  const { expect: jestExpect } = (await import('expect')) as unknown as { expect: typeof expect };
  jestExpect.extend(mailMatchers);
  const mail = createBrokerDouble();
  await mail.broker.send(reset);
  await jestExpect(mail).toHaveReceivedMail({ subject: 'Reset your password' });
  await expect(jestExpect(mail).toHaveReceivedMail({ subject: 'Other', timeoutMs: 20 })).rejects.toThrow(
    'Expected a message',
  );
});
