import { generateKeyPair, signMessage } from '@mb/dkim';
import type { Resolver } from '@mb/dns';
import { createMemoryResolver } from '@mb/dns/memory';
import { parseMessage } from '@mb/mime';
import { beforeAll, describe, expect, it } from 'vitest';
import { authenticate } from './authentication.ts';

let resolver: Resolver;
let privateKey: string;

beforeAll(async () => {
  const key = await generateKeyPair({ domain: 'attacker.example', selector: 's' });
  privateKey = key.privateKey;
  resolver = createMemoryResolver({
    [key.dnsName]: { TXT: [key.dnsRecord] },
    '_dmarc.bank.example': { TXT: ['v=DMARC1; p=reject'] },
    '_dmarc.attacker.example': { TXT: ['v=DMARC1; p=none'] },
  });
});

const fields: readonly (readonly [from: string, result: string, disposition: string])[] = [
  ['joe@attacker.example', 'pass', 'none'],
  ['"ceo@bank.example" <joe@attacker.example>', 'pass', 'none'],
  ['joe@attacker.example <ceo@bank.example>', 'fail', 'reject'],
  ['x @attacker.example <ceo@bank.example>', 'fail', 'reject'],
  ['[EXT] "Bank, joe@attacker.example" <ceo@bank.example>', 'fail', 'reject'],
  ['[EXT] Bank (a, joe@attacker.example) <ceo@bank.example>', 'fail', 'reject'],
  ['"joe@attacker.example" <ceo@bank.example>', 'fail', 'reject'],
  ['<joe@attacker.example> <ceo@bank.example>', 'fail', 'reject'],
  ['joe@attacker.example@bank.example', 'fail', 'reject'],
  ['ceo@bank.example <joe@attacker.example>', 'fail', 'none'],
  ['ceo@other.example <joe@attacker.example>', 'fail', 'none'],
  ['Ceo <ceo@bank.example>, Joe <joe@attacker.example>', 'permerror', 'none'],
  ['joe@attacker.example, joe@attacker.example', 'permerror', 'none'],
  ['Team: joe@attacker.example;', 'permerror', 'none'],
  ['joe@attacker.example\r\nFrom: joe@attacker.example', 'permerror', 'none'],
  ['joe@attacker.example\r\nFrom : ceo@bank.example', 'permerror', 'none'],
  ['joe <joe@other.example> <ceo@nowhere.example>', 'permerror', 'none'],
  ['nobody', 'permerror', 'none'],
];

describe('authenticate', () => {
  it.each(fields)(
    'AUTHOR-03 lets only the one author pass DMARC: From: %s',
    async (from, result, disposition) => {
      const octets = Buffer.from(`From: ${from}\r\nTo: bob@example.org\r\n\r\nhi\r\n`);
      const signature = await signMessage(octets, { domain: 'attacker.example', selector: 's', privateKey });
      const signed = Buffer.concat([Buffer.from(signature), octets]);
      const found = await authenticate(signed, await parseMessage(signed), resolver);
      expect(found.dkim.status).toBe('pass');
      expect(found.dmarc).toMatchObject({ result, disposition });
    },
  );
});
