import { describe, expect, it } from 'vitest';
import { parseHeaderBlock, parseMessage, readAuthor } from './index.ts';

const read = async (...fields: (string | Buffer)[]) =>
  readAuthor(
    await parseMessage(
      Buffer.concat([...fields.map((field) => Buffer.from(field as string)), Buffer.from('\r\nhi\r\n')]),
    ),
  );

const found: readonly (readonly [field: string, address: string, domain: string])[] = [
  ['From: ann@example.com\r\n', 'ann@example.com', 'example.com'],
  ['FROM : Ann <Ann@Example.COM>\r\n', 'Ann@Example.COM', 'example.com'],
  ['From: "joe@attacker.example" <ceo@bank.example>\r\n', 'ceo@bank.example', 'bank.example'],
  ['From: "<joe@attacker.example>," <ceo@bank.example>\r\n', 'ceo@bank.example', 'bank.example'],
  ['From: (joe@attacker.example) ceo@bank.example\r\n', 'ceo@bank.example', 'bank.example'],
  ['From: =?utf-8?Q?joe=40attacker.example?= <ceo@bank.example>\r\n', 'ceo@bank.example', 'bank.example'],
  ['From: [EXT] "Bank, joe@attacker.example" <ceo@bank.example>\r\n', 'ceo@bank.example', 'bank.example'],
  ['From: [EXT] Ann <ann@example.com>\r\n', 'ann@example.com', 'example.com'],
  ['From: Re: Ann <ann@example.com>\r\n', 'ann@example.com', 'example.com'],
  ['From: ann@example.com <ann@example.com>\r\n', 'ann@example.com', 'example.com'],
  ['From: Ann @ Acme <ann@example.com>\r\n', 'ann@example.com', 'example.com'],
  ['From: Ann <ann@example.com\r\n', 'ann@example.com', 'example.com'],
  ['From: Ann\r\n <ann@example.com>,\r\n', 'ann@example.com', 'example.com'],
  ['From: a..b@docomo.example\r\n', 'a..b@docomo.example', 'docomo.example'],
  ['From: ann@b\u00fccher.example\r\n', 'ann@b\u00fccher.example', 'xn--bcher-kva.example'],
];

const missing: readonly (readonly [reason: string, ...fields: string[]])[] = [
  ['missing', 'Subject: x\r\n'],
  ['missing', 'X-From: ann@example.com\r\n'],
  ['repeated', 'From: ann@example.com\r\n', 'From: ann@example.com\r\n'],
  ['repeated', 'From: ann@example.com\r\n', 'Subject: x\r\n', 'from : ceo@bank.example\r\n'],
  ['repeated', 'From: ann@example.com\r\n', 'From:\r\n'],
  ['unreadable', 'From:\r\n'],
  ['unreadable', 'From: Ann\r\n'],
  ['unreadable', 'From: <>\r\n'],
  ['unreadable', 'From: Ann <ann>\r\n'],
  ['unreadable', 'From: ann@-example-\r\n'],
  ['unreadable', 'From: ann@exam\u2028ple.com\r\n'],
  ['unreadable', 'From: an\u200bn@example.com\r\n'],
  ['several', 'From: ann@example.com, bob@example.com\r\n'],
  ['several', 'From: ann@example.com; bob@example.com\r\n'],
  ['several', 'From: ann@example.com bob@example.com\r\n'],
  ['several', 'From: joe@attacker.example, <ceo@bank.example>\r\n'],
  ['several', 'From: <joe@attacker.example, ceo@bank.example>\r\n'],
  ['group', 'From: Team: ann@example.com;\r\n'],
  ['group', 'From: Team: ann@example.com\r\n'],
  ['group', 'From: none:;\r\n'],
  ['group', 'From: none:;, ann@example.com\r\n'],
  ['ambiguous', 'From: joe@attacker.example <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: x @attacker.example <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: Joe <joe@attacker.example> <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: <joe@attacker.example>ceo@bank.example\r\n'],
  ['ambiguous', 'From: <joe@attacker.example> (x) <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: joe@[192.0.2.1] <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: joe@attacker.example@bank.example\r\n'],
  ['ambiguous', 'From: Joe <joe@attacker.example@bank.example>\r\n'],
  ['ambiguous', 'From: "Ceo <ceo@bank.example>"\r\n'],
  ['ambiguous', 'From: \\"Bank, joe@attacker.example\\" <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: "Joe <joe@attacker.example>, "Ceo" <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: =?utf-8?Q?<joe@attacker.example>,?= <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: =?utf-8?Q?J=C3=B6rg_<joe@attacker.example>?= <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: =?utf-8?B?PGpvZUBhdHRhY2tlci5leGFtcGxlPg==?=, <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: =?utf-8?Q?joe=40attacker.example?=\\" <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: @attacker.example <ceo@bank.example>\r\n'],
  ['ambiguous', 'From: ]@attacker.example; <ceo@bank.example>\r\n'],
];

describe('readAuthor', () => {
  it.each(found)(
    'AUTHOR-01 finds the one mailbox of the one From field: %s',
    async (field, address, domain) => {
      expect(await read(field)).toMatchObject({ status: 'found', author: { address }, domain });
    },
  );

  it.each(missing)('AUTHOR-02 AUTHOR-05 finds no author, but a reason: %s, %s', async (reason, ...fields) => {
    const reading = await read(...fields);
    expect(reading).toMatchObject({ status: 'none', reason });
    expect(reading.status === 'none' && reading.detail).toMatch(/^[A-Z].*\.$/);
  });

  it('AUTHOR-02 AUTHOR-05 relies on no address in an unknown charset', async () => {
    const latin1 = Buffer.from('From: J\u00f6rg <ann@b\u00fccher.example>\r\n', 'latin1');
    expect(await read(latin1)).toMatchObject({ status: 'none', reason: 'unreadable' });
    const name = Buffer.from('From: J\u00f6rg <ann@example.com>\r\n', 'latin1');
    expect(await read(name)).toMatchObject({ status: 'found', domain: 'example.com' });
  });

  it('AUTHOR-02 AUTHOR-05 finds no author in a header that the parser cut', async () => {
    const octets = Buffer.from(
      `From: ann@example.com\r\n${'X: y\r\n'.repeat(20)}From: ceo@bank.example\r\n\r\n`,
    );
    for (const limits of [{ maxHeaderFields: 10 }, { maxHeaderBytes: 60 }]) {
      const reading = readAuthor(await parseMessage(octets, { limits }));
      expect(reading).toMatchObject({ status: 'none', reason: 'incomplete' });
    }
  });

  it('AUTHOR-01 takes a header alone', () => {
    const { headers } = parseHeaderBlock(Buffer.from('From: Ann <ann@example.com>\r\n'));
    expect(readAuthor(headers)).toMatchObject({ status: 'found', domain: 'example.com' });
  });
});
