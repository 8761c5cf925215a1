import type { Message } from '@mb/mime';
import { describe, expect, it } from 'vitest';
import { MailBroker, MemoryStore, type ReadyMessage } from '../index.ts';

const senderDomains = ['sender.test', '*.news.test', 'bücher.test'];
const message: Message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };
const ready = (header: string, from = 'ann@sender.test'): ReadyMessage => ({
  raw: Buffer.from(`${header}\r\nSubject: s\r\n\r\nx\r\n`),
  envelope: { from, to: ['bob@one.test'] },
});

function enqueue(given: Message | ReadyMessage) {
  const broker = new MailBroker({ hostname: 'mail.sender.test', store: new MemoryStore() });
  return broker.enqueue(given, { senderDomains });
}

describe('MSG-05 only the sender domains of the call are accepted', () => {
  it.each<[string, Message | ReadyMessage]>([
    ['the author', message],
    ['another spelling', { ...message, from: 'ann@SENDER.test' }],
    ['a subdomain where all are allowed', { ...message, from: 'ann@a.b.news.test' }],
    ['a name in UTF-8', { ...message, from: 'ann@xn--bcher-kva.test' }],
    ['the null return path', { ...message, envelope: { from: '', to: ['bob@one.test'] } }],
    ['a ready message', ready('From: Ann <ann@sender.test>')],
  ])('accepts %s', async (_, given) => {
    expect((await enqueue(given)).id).toBeDefined();
  });

  it.each<[string, Message | ReadyMessage]>([
    ['another author', { ...message, from: 'ann@other.test' }],
    ['the domain above one whose subdomains are allowed', { ...message, from: 'ann@news.test' }],
    ['a subdomain of one that is allowed alone', { ...message, from: 'ann@a.sender.test' }],
    ['a domain that only ends alike', { ...message, from: 'ann@evilnews.test' }],
    [
      'a second author',
      { ...message, from: ['ann@sender.test', 'eve@other.test'], sender: 'ann@sender.test' },
    ],
    ['the Sender field', { ...message, sender: 'eve@other.test' }],
    ['the return path', { ...message, envelope: { from: 'eve@other.test', to: ['bob@one.test'] } }],
    ['the author of a ready message', ready('From: eve@other.test')],
    [
      'a second author of a ready message',
      ready('From: ann@sender.test, eve@other.test\r\nSender: ann@sender.test'),
    ],
    ['the sender of a ready message', ready('From: ann@sender.test\r\nSender: eve@other.test')],
    ['the return path of a ready message', ready('From: ann@sender.test', 'eve@other.test')],
  ])('refuses %s', async (_, given) => {
    await expect(enqueue(given)).rejects.toMatchObject({ code: 'MB_BROKER_SENDER', kind: 'invalid-input' });
  });

  it('refuses an empty list, which would allow nothing or everything', async () => {
    const broker = new MailBroker({ hostname: 'mail.sender.test', store: new MemoryStore() });
    await expect(broker.enqueue(message, { senderDomains: [] })).rejects.toMatchObject({
      code: 'MB_BROKER_OPTION',
    });
  });
});
