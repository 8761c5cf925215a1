import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import {
  canonicalAddress,
  formatAddress,
  type Group,
  type Mailbox,
  MimeError,
  parseAddressList,
  readAddressList,
} from '../../src/index.ts';

const target = {
  samples: [
    'Ann <ann@example.com>, "Doe, J." <j.d@example.com>, bob@example.org (Bob)',
    'team: ann@example.com, "b b"@example.org;, undisclosed-recipients:;',
    '=?utf-8?Q?G=C3=BCnter?= =?utf-8?B?w6Q=?= <g@xn--fa-hia.de>, Günter <g@faß.de>',
    '<@a.example,@b.example:c@example.net>, d @ example . com, e@[192.0.2.1], f@[IPv6:2001:db8::1]',
    '[EXT] Ann <ann@example.com>; Bob <bob@example.com> <c@example.com>',
  ],
  words: [
    '<',
    '>',
    '@',
    '"',
    '\\"',
    '(',
    ')',
    ',',
    ';',
    ':',
    '=?utf-8?q?',
    '?=',
    '@example.com',
    '\\',
    '[',
    ']',
  ],
};

/** The addresses of a list as they are compared: formatting writes domains in A-labels. */
const addressesOf = (list: readonly (Mailbox | Group)[]) =>
  list.flatMap((one) => ('members' in one ? one.members : [one])).map(comparable);

function comparable(mailbox: Mailbox): string {
  try {
    return canonicalAddress(mailbox);
  } catch (error) {
    // A received domain that has no A-labels, such as `example.`
    if (!MimeError.isInstance(error)) throw error;
    return mailbox.address;
  }
}

it(`MUT-01 MUT-02 parseAddressList throws MimeError only, and reads again what is formatted: ${mutationCount} lists`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'parseAddressList strict',
    ...target,
    check(text) {
      let list: (Mailbox | Group)[];
      try {
        list = parseAddressList(text);
      } catch (error) {
        if (!MimeError.isInstance(error)) throw error;
        return 'refused';
      }
      for (const one of list) checkFormatted(one);
      return 'accepted';
    },
  });
});

it(`MUT-01 MUT-02 readAddressList never throws: ${mutationCount} lists`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'readAddressList',
    ...target,
    check(text) {
      const list = readAddressList(text);
      for (const one of list) checkFormatted(one);
      return list.length > 0 ? 'accepted' : 'refused';
    },
  });
});

/** An address that was read and can be written is read again as the same address, with the same name. */
function checkFormatted(one: Mailbox | Group): void {
  let written: string;
  try {
    written = formatAddress(one);
  } catch (error) {
    if (!MimeError.isInstance(error)) throw error;
    return;
  }
  const again = parseAddressList(written, { addresses: 'as-received' });
  expect(addressesOf(again)).toEqual(addressesOf([one]));
  expect(again).toHaveLength(1);
  // A byte order mark at the start of an encoded-word is no part of the text.
  const nameOf = ({ name = '' }: Mailbox | Group) => name.toWellFormed().replaceAll('\ufeff', '');
  expect(nameOf(again[0]!)).toBe(nameOf(one));
}
