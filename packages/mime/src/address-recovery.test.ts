import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Group, type Mailbox, parseAddressList, parseMessage, readAddressList } from './index.ts';

/** Reads a To field as part of a message: names and addresses, and whether there was a defect. */
async function read(field: string): Promise<[entries: string[], defect: boolean]> {
  const { to, defects } = await parseMessage(Buffer.from(`To: ${field}\r\n\r\n`));
  return [to.map(shown), defects.some(({ code }) => code === 'address-invalid')];
}

function shown(one: Mailbox | Group): string {
  if ('members' in one) return `${one.name}: ${one.members.map(shown).join(', ')};`;
  return one.name === undefined ? one.address : `${one.name} <${one.address}>`;
}

const lastBrackets: readonly (readonly [field: string, ...entries: string[]])[] = [
  ['joe@attacker.example <ceo@bank.example>', 'joe@attacker.example <ceo@bank.example>'],
  ['x @attacker.example <ceo@bank.example>', 'x @attacker.example <ceo@bank.example>'],
  ['Joe <joe@attacker.example> <ceo@bank.example>', 'Joe <joe@attacker.example> <ceo@bank.example>'],
  ['<joe@attacker.example> <ceo@bank.example>', '<joe@attacker.example> <ceo@bank.example>'],
  ['joe@attacker.example, x <ceo@bank.example>', 'joe@attacker.example', 'x <ceo@bank.example>'],
  ['joe@attacker.example; x <ceo@bank.example>', 'joe@attacker.example', 'x <ceo@bank.example>'],
  ['joe@attacker.example\\ <ceo@bank.example>', 'joe@attacker.example\\ <ceo@bank.example>'],
  ['sales@acme <ann@example.com>', 'sales@acme <ann@example.com>'],
  ['Ann @ Acme <ann@example.com>', 'Ann @ Acme <ann@example.com>'],
  ['matt <3 <matt@example.com>', 'matt <3 <matt@example.com>'],
  ['<<ann@example.com>>', 'ann@example.com'],
  ['Ann <ann@example.com> <>', 'Ann <ann@example.com>'],
  ['Ann <> <ann@example.com>', 'Ann <> <ann@example.com>'],
];

const kept: readonly (readonly [field: string, ...entries: string[]])[] = [
  [
    '[EXT] "Bank, joe@attacker.example" <ceo@bank.example>',
    '[EXT] Bank, joe@attacker.example <ceo@bank.example>',
  ],
  ['[EXT] Bank (a, joe@attacker.example) <ceo@bank.example>', '[EXT] Bank <ceo@bank.example>'],
  ['[EXT, joe@attacker.example] <ceo@bank.example>', '[EXT', 'joe@attacker.example] <ceo@bank.example>'],
  ['[EXT, joe] Bank <ceo@bank.example>', '[EXT, joe] Bank <ceo@bank.example>'],
  [
    'Re: <a@example.com, joe@attacker.example> <ceo@bank.example>',
    'Re: <a@example.com, joe@attacker.example> <ceo@bank.example>',
  ],
  ['[x "a\\", joe@attacker.example" <ceo@bank.example>', '[x a", joe@attacker.example <ceo@bank.example>'],
  ['[EXT] ((a), joe@attacker.example) <ceo@bank.example>', '[EXT] <ceo@bank.example>'],
];

const best: readonly (readonly [field: string, ...entries: string[]])[] = [
  ['[EXT] Ann <ann@example.com>', '[EXT] Ann <ann@example.com>'],
  ['Ann <ann@example.com', 'Ann <ann@example.com>'],
  ['Ann <ann@example.com, Bob <bob@example.net>', 'Ann <ann@example.com>', 'Bob <bob@example.net>'],
  ['Ann ann@example.com', 'Ann <ann@example.com>'],
  ['ann@example.com Ann', 'Ann <ann@example.com>'],
  ['ann@example.com bob@example.net', 'ann@example.com', 'bob@example.net'],
  ['<ann@example.com, bob@example.net>', 'ann@example.com', 'bob@example.net'],
  ['Re: Ann <ann@example.com>', 'Re: Ann <ann@example.com>'],
  ['10:30 Ann <ann@example.com>', '10:30 Ann <ann@example.com>'],
  ['Team: a@example.com, b@example.com', 'Team: a@example.com, b@example.com;'],
  ['Team: a@example.com; b@example.com', 'Team: a@example.com;', 'b@example.com'],
  ['Team: [x] a@example.com, b@example.com;', 'Team: [x] <a@example.com>, b@example.com;'],
  ['a@example.com; b@example.com', 'a@example.com', 'b@example.com'],
  ['Doe, John <j@example.com>', 'John <j@example.com>'],
  ['"Ann <ann@example.com>"', 'Ann <ann@example.com>'],
  ['<mailto:ann@example.com>', 'ann@example.com'],
  ['Ann "the <ann@example.com>', 'Ann "the <ann@example.com>'],
  ['Ann (home <ann@example.com>', 'Ann (home <ann@example.com>'],
  ['Ann) <ann@example.com>', 'Ann) <ann@example.com>'],
  ['a@b@example.com', '"a@b"@example.com'],
  ['a@b@c@example.com', '"a@b@c"@example.com'],
  ['a@b@example.com.', '"a@b"@example.com'],
  ['a@b.@example.com', '"a@b."@example.com'],
  ['bob@example..', 'bob@example'],
  ['ann@example.com.', 'ann@example.com'],
  ['a..b.@docomo.example', 'a..b.@docomo.example'],
  ['ann\u200b@example.com', 'ann\u200b@example.com'],
  [`${'a'.repeat(70)}@example.com`, `${'a'.repeat(70)}@example.com`],
  ['no-address, ann@example.com', 'ann@example.com'],
  ['x\\_y@example.com', '"x\\\\_y"@example.com'],
  ['Ann ((home <ann@example.com> (x@attacker.example)', 'Ann ((home <ann@example.com>'],
  ['=?utf-8?Q?Ann=0D=0ABcc:_x?= <ann@example.com>', 'Ann Bcc: x <ann@example.com>'],
];

const encoded: readonly (readonly [field: string, ...entries: string[]])[] = [
  ['=?utf-8?Q?Doe,_J=C3=B6rg?= <a@example.com>', 'Doe, Jörg <a@example.com>'],
  ['=?utf-8?Q?J=C3=B6rg@Acme?= <a@example.com>', 'Jörg@Acme <a@example.com>'],
  ['=?utf-8?Q?J=C3=B6rg;_Sales?= <a@example.com>', 'Jörg; Sales <a@example.com>'],
  ['=?utf-8?Q?Team:_J=C3=B6rg?= <a@example.com>', 'Team: Jörg <a@example.com>'],
  ['=?utf-8?Q?[EXT]_J=C3=B6rg?= <a@example.com>', '[EXT] Jörg <a@example.com>'],
  ['=?utf-8?Q?J=C3=B6rg_(Sales)?= <a@example.com>', 'Jörg (Sales) <a@example.com>'],
  [
    '=?utf-8?Q?J=C3=B6rg_<x@attacker.example>,?= <a@example.com>',
    'Jörg <x@attacker.example>, <a@example.com>',
  ],
  ['=?utf-8?Q?a?= =?utf-8?Q?,_"b?= <a@example.com>', 'a, "b <a@example.com>'],
  ['=?utf-8?Q?Doe, J=C3=B6rg?= <a@example.com>', 'Doe, Jörg <a@example.com>'],
];

const quoted: readonly (readonly [field: string, ...entries: string[]])[] = [
  ['"=?utf-8?Q?J=C3=B6rg?=" <a@example.com>', 'Jörg <a@example.com>'],
  ['"=?utf-8?Q?Doe,_J=C3=B6rg?= (x)" <a@example.com>', 'Doe, Jörg (x) <a@example.com>'],
];

describe('damaged address lists', () => {
  it.each(lastBrackets)(
    'ADDR-08 ADDR-29 takes the last angle brackets for the address: %s',
    async (field, ...entries) => {
      const [found] = await read(field);
      expect(found).toEqual(entries);
    },
  );

  it.each(kept)(
    'ADDR-09 splits a damaged list outside quotes, comments and brackets only: %s',
    async (field, ...entries) => {
      const [found] = await read(field);
      expect(found).toEqual(entries.filter((entry) => entry.includes('@')));
    },
  );

  it.each(best)('ADDR-10 makes the best of an entry, with a defect: %s', async (field, ...entries) => {
    expect(await read(field)).toEqual([entries, true]);
  });

  it.each(encoded)('ADDR-11 splits the list before it decodes an encoded-word: %s', async (field, entry) => {
    expect(await read(field)).toEqual([[entry], false]);
  });

  it.each(quoted)('ADDR-12 decodes an encoded-word in quotes, with a defect: %s', async (field, entry) => {
    expect(await read(field)).toEqual([[entry], true]);
    expect(parseAddressList(field)[0]!.name).toContain('=?');
  });

  it('ADDR-08 ADDR-29 ADDR-10 reads the expected addresses of the samples', async () => {
    const file = new URL('../test/vectors/addresses.json', import.meta.url);
    const samples = JSON.parse(readFileSync(file, 'utf8')) as { field: string; addresses: string[] }[];
    expect(samples.length).toBeGreaterThan(20);
    for (const { field, addresses } of samples) {
      const found = readAddressList(field);
      const flat = found.flatMap((one) => ('members' in one ? one.members : one));
      expect(
        flat.map(({ address }) => address),
        field,
      ).toEqual(addresses);
    }
  });

  it('ADDR-10 reads what is well formed like the strict reader', () => {
    const word = fc.constantFrom(
      'a',
      'b.c',
      '"x, y"',
      '(c)',
      '<',
      '>',
      '@',
      ',',
      ';',
      ':',
      'h.test',
      ' ',
      '[1.2.3.4]',
    );
    const list = fc.array(word, { maxLength: 12 }).map((words) => words.join(''));
    let read = 0;
    fc.assert(
      fc.property(list, (text) => {
        const lenient = readAddressList(text);
        let strict: (Mailbox | Group)[];
        try {
          strict = parseAddressList(text);
        } catch {
          return;
        }
        if (strict.length > 0) read += 1;
        expect(lenient).toEqual(strict);
      }),
      { numRuns: 20_000 },
    );
    expect(read).toBeGreaterThan(50);
  });
});
