import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseAddressList, readAddressList } from '@mb/mime';
import { addressParser as postalMimeParser } from 'postal-mime';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { type AddressField, generateAddressFields } from './address-fields.ts';
import { read } from './external-reader.ts';

/** 100,000 and more with MB_ADDRESS_FIELDS=100000, which takes some minutes. */
const COUNT = Number(process.env.MB_ADDRESS_FIELDS ?? 10_000);
const SEED = Number(process.env.MB_SEED ?? 20_261_130);
const here = import.meta.dirname;

/** The parser that mailparser uses. */
const nodemailerParser = createRequire(createRequire(import.meta.url).resolve('mailparser'))(
  'nodemailer/lib/addressparser',
) as (text: string) => unknown[];

const readers = ['python', 'python-policy', 'Mail::Address', 'nodemailer', 'postal-mime'] as const;
type Reader = (typeof readers)[number];

let fields: AddressField[] = [];
const theirs = new Map<Reader, (string[] | null)[]>();

beforeAll(async () => {
  await ensureDebianPackages(['python3', 'libmailtools-perl']);
  fields = generateAddressFields(COUNT, SEED);
  const input = fields.map(({ text }) => `${JSON.stringify(text)}\n`).join('');
  const python = (await read('/usr/bin/python3', [join(here, 'read_addresses.py')], input)) as unknown as (
    | string[]
    | null
  )[][];
  const perl = (await read('perl', [join(here, 'read_addresses.pl')], input)) as unknown as string[][];
  theirs.set(
    'python',
    python.map(([lenient]) => lenient!),
  );
  theirs.set(
    'python-policy',
    python.map(([, policy]) => policy!),
  );
  theirs.set('Mail::Address', perl);
  theirs.set(
    'nodemailer',
    fields.map(({ text }) => addressesOf(nodemailerParser(text))),
  );
  theirs.set(
    'postal-mime',
    fields.map(({ text }) => addressesOf(postalMimeParser(text))),
  );
}, 600_000);

interface ForeignAddress {
  readonly address?: string;
  readonly group?: readonly ForeignAddress[];
}

/** What holds an @; members of groups are part of the list. */
function addressesOf(list: readonly unknown[]): string[] {
  return (list as readonly ForeignAddress[]).flatMap(({ address = '', group }) =>
    group === undefined ? (address.includes('@') ? [address] : []) : addressesOf(group),
  );
}

function ours(text: string, lenient: boolean): string[] {
  return (lenient ? readAddressList(text) : parseAddressList(text)).flatMap((one) =>
    'members' in one ? one.members.map(({ address }) => address) : [one.address],
  );
}

/** Readers keep or leave out the quotes of local parts. */
const plain = (addresses: readonly string[] | null) =>
  addresses
    ?.map((address) => address.replace(/^"((?:[^"\\]|\\.)*)"@/, '$1@').replace(/\s+/g, ' '))
    .join(' | ');

describe('address fields', () => {
  it('ADDR-24 that are well formed are read alike in both modes', () => {
    for (const { text, damage } of fields)
      if (damage === '') expect(ours(text, true), text).toEqual(ours(text, false));
  });

  it('ADDR-24 are read as other readers do, but for the listed classes of disagreement', () => {
    const known = JSON.parse(readFileSync(join(here, 'address-disagreements.json'), 'utf8')) as Record<
      string,
      { reason: string; most: Record<string, number> }
    >;
    const counts = new Map<string, number>();
    const totals = new Map<string, number>();
    const examples = new Map<string, string>();
    for (const [index, { text, damage }] of fields.entries()) {
      const own = plain(ours(text, true));
      const kind = damage === '' ? 'well formed' : damage;
      totals.set(kind, (totals.get(kind) ?? 0) + 1);
      for (const reader of readers) {
        const other = plain(theirs.get(reader)![index]!);
        if (other === own) continue;
        const key = `${kind} / ${reader}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
        if (!examples.has(key)) examples.set(key, `${text}\n  ours   ${own}\n  theirs ${other}`);
      }
    }
    const found: Record<string, number> = {};
    const unlisted: string[] = [];
    for (const [key, count] of counts) {
      const [kind, reader] = key.split(' / ') as [string, string];
      const share = Math.ceil((100 * count) / totals.get(kind)!);
      found[key] = share;
      const most = known[kind]?.most[reader] ?? 0;
      if (share > most)
        unlisted.push(`${key}: ${share} % of ${totals.get(kind)}, listed ${most} %: ${examples.get(key)}`);
    }
    if (process.env.MB_SHOW_DISAGREEMENTS) console.log(`FOUND${JSON.stringify(found)}`);
    expect(unlisted).toEqual([]);
  });

  it('ADDR-24 whose address all other readers agree on are read so', () => {
    const alone: string[] = [];
    let agreed = 0;
    for (const [index, { text, damage }] of fields.entries()) {
      // Where chance put a parenthesis, bracket or backslash, the others keep it in the address.
      if (/^a character|^open comment$/.test(damage)) continue;
      const others = readers.map((reader) => plain(theirs.get(reader)![index]!));
      if (others.some((other) => other !== others[0]) || others[0] === undefined || others[0] === '')
        continue;
      agreed += 1;
      if (plain(ours(text, true)) !== others[0])
        alone.push(`${text}: ${plain(ours(text, true))} instead of ${others[0]}`);
    }
    expect(agreed).toBeGreaterThan(COUNT / 5);
    expect(alone).toEqual([]);
  });
});
