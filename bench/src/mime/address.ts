import { parseAddressList } from '@mb/mime';
import { addressparser as emailjsParser } from 'emailjs';
import nodemailerParser from 'nodemailer/lib/addressparser';
import { addressParser as postalMimeParser } from 'postal-mime';
import type { Contender, Field } from '../harness/row.ts';

interface ParsedAddress {
  readonly name?: string;
  readonly address?: string;
}

/** Parses one header value with many addresses; the limit is one pass and one object each. */
export function addressField(count: number): Field {
  const expected = mailboxes(count);
  const list = expected.map(({ written }) => written).join(', ');
  const check = (output: unknown) => {
    const read = output as ParsedAddress[];
    if (read.length !== count) return `${read.length} addresses instead of ${count}`;
    const wrong = read.findIndex(
      (r, i) => r.address !== expected[i]!.address || (r.name ?? '') !== expected[i]!.name,
    );
    return wrong < 0 ? undefined : `${expected[wrong]!.written} reads as ${JSON.stringify(read[wrong])}`;
  };
  const contenders: Contender[] = [
    { name: '@mb/mime', role: 'ours', run: () => parseAddressList(list), check },
    { name: 'nodemailer', role: 'peer', package: 'nodemailer', run: () => nodemailerParser(list), check },
    { name: 'emailjs', role: 'peer', package: 'emailjs', run: () => emailjsParser(list), check },
    { name: 'postal-mime', role: 'peer', package: 'postal-mime', run: () => postalMimeParser(list), check },
    {
      name: 'one pass + objects',
      role: 'limit',
      run: () => splitAtCommas(list),
      check: (output) => ((output as unknown[]).length === count ? undefined : 'wrong count'),
    },
  ];
  return { contenders };
}

/** Looks at each character once and makes one object an address; understands nothing else. */
function splitAtCommas(list: string): ParsedAddress[] {
  const found: ParsedAddress[] = [];
  let start = 0;
  let open = -1;
  let quoted = false;
  for (let i = 0; i <= list.length; i++) {
    const code = i === list.length ? 0x2c : list.charCodeAt(i);
    if (code === 0x22) quoted = !quoted;
    else if (code === 0x3c) open = i;
    else if (code === 0x2c && !quoted) {
      if (open < 0) found.push({ name: '', address: list.slice(start, i) });
      else found.push({ name: list.slice(start, open - 1), address: list.slice(open + 1, i - 1) });
      start = i + 2;
      open = -1;
    }
  }
  return found;
}

function mailboxes(count: number): { written: string; name: string; address: string }[] {
  return Array.from({ length: count }, (_, i) => {
    const address = `user.${i}@mail-${i % 7}.example.com`;
    const name = `Reader Number ${i}`;
    switch (i % 4) {
      case 0:
        return { written: address, name: '', address };
      case 1:
        return { written: `${name} <${address}>`, name, address };
      case 2:
        return { written: `"Number ${i}, Reader" <${address}>`, name: `Number ${i}, Reader`, address };
      default:
        return { written: `<${address}>`, name: '', address };
    }
  });
}
