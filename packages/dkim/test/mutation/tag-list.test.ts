import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { DkimError } from '../../src/errors.ts';
import { parseKeyRecord } from '../../src/key-record.ts';
import { formatTagList, parseTagList } from '../../src/tag-list.ts';
import { ed25519, rsa } from '../fixtures.ts';

const words = [
  ';',
  '=',
  'v=DKIM1',
  'k=',
  'p=',
  't=y:s',
  'h=sha256',
  's=email',
  ':',
  '\r\n ',
  ' ',
  '\r',
  'n=',
];

it(`MUT-01 MUT-02 parseTagList throws DkimError only, and reads again what is formatted: ${mutationCount} lists`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'parseTagList',
    samples: [
      'v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=x;\r\n h=From:To; bh=AAAA; b=AAAA',
      rsa.dnsRecord,
    ],
    words,
    check(text) {
      try {
        const tags = parseTagList(text);
        expect([...parseTagList(formatTagList(tags))]).toEqual([...tags]);
        return 'accepted';
      } catch (error) {
        if (!DkimError.isInstance(error)) throw error;
        expect(error.code).toMatch(/^MB_DKIM_TAG_(SYNTAX|DUPLICATE)$/);
        return 'refused';
      }
    },
  });
});

it(`MUT-01 parseKeyRecord throws DkimError only: ${mutationCount} records`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'parseKeyRecord',
    samples: [
      rsa.dnsRecord,
      ed25519.dnsRecord,
      `${ed25519.dnsRecord}; h=sha1:sha256; s=email; t=y:s; n=a note`,
    ],
    words,
    check(text) {
      try {
        const record = parseKeyRecord(text);
        expect(record.publicKey).toBeInstanceOf(Uint8Array);
        return 'accepted';
      } catch (error) {
        if (!DkimError.isInstance(error)) throw error;
        expect(error.code).toMatch(/^MB_DKIM_(TAG|RECORD)_/);
        return 'refused';
      }
    },
  });
});
