import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MailBroker, MemoryStore } from '../index.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const dkim = { domain: 'sender.test', selector: 's', privateKey };
const envelope = { from: 'ann@sender.test', to: ['bob@one.test'] };

function ready(header: string, body: string) {
  const text = `From: ann@sender.test\nSubject: s\nMIME-Version: 1.0\n${header}\n${body}`;
  return { raw: Buffer.from(text.replace(/\n/g, '\r\n')), envelope };
}

const signature = 'DKIM-Signature: v=1; a=rsa-sha256; d=sender.test; s=s; h=from; bh=AA==; b=AA==\n';
const utf8 = 'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n';
const signedParts = 'Content-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"\n';

describe('MSG-04 warnings about signed 8-bit content', () => {
  const broker = new MailBroker({ hostname: 'mail.sender.test', store: new MemoryStore(), dkim });
  const codes = async (...call: Parameters<MailBroker['enqueue']>) => {
    const { warnings } = await broker.enqueue(...call);
    return warnings.map(({ code }) => code);
  };

  it.each([
    ['a DKIM signature', ready(signature + utf8, 'Grüße\n')],
    [
      'an ARC signature',
      ready(signature.replace('DKIM-Signature', 'ARC-Message-Signature') + utf8, 'Grüße\n'),
    ],
    ['signed parts', ready(signedParts, '--b\nContent-Transfer-Encoding: 8bit\n\nGrüße\n--b--\n')],
  ])('warns of a ready message with %s', async (_, message) => {
    expect(await codes(message)).toEqual(['eight-bit-signed']);
  });

  it('warns of 8-bit content that is signed now, and not when the worker signs it', async () => {
    expect(await codes(ready(utf8, 'Grüße\n'), { delivery: { sign: 'enqueue' } })).toEqual([
      'eight-bit-signed',
    ]);
    expect(await codes(ready(utf8, 'Grüße\n'))).toEqual([]);
  });

  it('warns of nothing in seven bits', async () => {
    expect(await codes(ready(signature, 'Hello\n'))).toEqual([]);
    expect(await codes({ from: 'ann@sender.test', to: 'bob@one.test', subject: 'ü', text: 'Grüße' })).toEqual(
      [],
    );
  });
});
