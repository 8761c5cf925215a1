import { join } from 'node:path';
import { parseDate } from '@mb/mime';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { read } from './external-reader.ts';

const COUNT = Number(process.env.MB_DATES ?? 3000);
const SEED = Number(process.env.MB_SEED ?? 20_261_130);

/** One way to write a date, of the parts of a moment and a zone. */
type Form = (parts: Parts) => string;

interface Parts {
  readonly weekday: string;
  readonly day: number;
  readonly month: string;
  readonly year: number;
  readonly time: string;
  /** For example `+0530`. */
  readonly zone: string;
}

const pad = (number: number) => `${number}`.padStart(2, '0');
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** Forms with one meaning, by name. */
const FORMS: Readonly<Record<string, Form>> = {
  'RFC 5322 §3.3': ({ weekday, day, month, year, time, zone }) =>
    `${weekday}, ${day} ${month} ${year} ${time} ${zone}`,
  'no weekday': ({ day, month, year, time, zone }) => `${pad(day)} ${month} ${year} ${time} ${zone}`,
  'no blank after the comma': ({ weekday, day, month, year, time, zone }) =>
    `${weekday},${day} ${month} ${year} ${time} ${zone}`,
  'upper case': ({ weekday, day, month, year, time, zone }) =>
    `${weekday}, ${day} ${month} ${year} ${time} ${zone}`.toUpperCase(),
  'comments (RFC 5322 A.6.3)': ({ weekday, day, month, year, time, zone }) =>
    `(a) ${weekday}, ${day}(b)${month} (c (d)) ${year} ${time.replaceAll(':', ' : ')} ${zone} (e)`,
  'comment behind': ({ weekday, day, month, year, time, zone }) =>
    `${weekday}, ${day} ${month} ${year} ${time} ${zone} (CEST)`,
  'RFC 850': ({ weekday, day, month, year, time, zone }) =>
    `${weekday}day, ${pad(day)}-${month}-${year} ${time} ${zone}`,
  'month first': ({ weekday, day, month, year, time, zone }) =>
    `${weekday}, ${month} ${pad(day)} ${year} ${time} ${zone}`,
  'asctime with a zone': ({ weekday, day, month, year, time, zone }) =>
    `${weekday} ${month} ${`${day}`.padStart(2)} ${time} ${year} ${zone}`,
  'ISO 8601': ({ day, month, year, time, zone }) =>
    `${year}-${pad(months.indexOf(month) + 1)}-${pad(day)}T${time}${zone.slice(0, 3)}:${zone.slice(3)}`,
  'colon in the zone': ({ weekday, day, month, year, time, zone }) =>
    `${weekday}, ${day} ${month} ${year} ${time} ${zone.slice(0, 3)}:${zone.slice(3)}`,
  'GMT before the zone': ({ weekday, day, month, year, time, zone }) =>
    `${weekday}, ${day} ${month} ${year} ${time} GMT${zone}`,
  'dots in the time': ({ weekday, day, month, year, time, zone }) =>
    `${weekday}, ${day} ${month} ${year} ${time.replaceAll(':', '.')} ${zone}`,
  'short numbers in the time': ({ weekday, day, month, year, time, zone }) =>
    `${weekday}, ${day} ${month} ${year} ${time.replace(/\b0(?=\d)/g, '')} ${zone}`,
};

/** Forms that Python's parsedate_tz reads as none, or as another moment, and why it does. */
const DIFFERENT_FROM_PYTHON: Readonly<Record<string, string>> = {
  'comments (RFC 5322 A.6.3)': 'comments inside are not left out there',
  'ISO 8601': 'it is no mail date there',
  'colon in the zone': 'such a zone is ignored there, so that the moment is wrong by hours',
  'GMT before the zone': 'what follows GMT is ignored there, so that the moment is wrong by hours',
};

const moment = fc.record({
  seconds: fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(2049, 11, 30) / 1000 }),
  offset: fc.constantFrom(0, 60, 120, 330, 345, -210, -300, -480, 765),
  form: fc.constantFrom(...Object.keys(FORMS)),
});

function write({ seconds, offset, form }: { seconds: number; offset: number; form: string }): string {
  const local = new Date((seconds + offset * 60) * 1000);
  const size = Math.abs(offset);
  return FORMS[form]!({
    weekday: local.toUTCString().slice(0, 3),
    day: local.getUTCDate(),
    month: months[local.getUTCMonth()]!,
    year: local.getUTCFullYear(),
    time: local.toISOString().slice(11, 19),
    zone: `${offset < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${pad(size % 60)}`,
  });
}

beforeAll(() => ensureDebianPackages(['python3']));

async function readByPython(dates: readonly string[]): Promise<(number | null)[]> {
  const input = dates.map((date) => `${JSON.stringify(date)}\n`).join('');
  const results = await read('/usr/bin/python3', [join(import.meta.dirname, 'words.py'), 'dates'], input);
  return results.map(({ seconds }) => seconds as number | null);
}

describe('dates', () => {
  it("PARSE-40 are read as they were written, and as Python's email does but for known forms", async () => {
    const samples = fc.sample(moment, { numRuns: COUNT, seed: SEED });
    const texts = samples.map(write);
    const theirs = await readByPython(texts);
    const different = new Set<string>();
    for (const [index, { seconds, form }] of samples.entries()) {
      expect(parseDate(texts[index]!)?.getTime(), texts[index]).toBe(seconds * 1000);
      if (theirs[index] !== seconds) different.add(`${form}: ${texts[index]} ${theirs[index]} ${seconds}`);
    }
    expect(
      [...new Set([...different].map((one) => one.slice(0, one.indexOf(':'))))].sort(),
      [...different].slice(0, 40).join('\n'),
    ).toEqual(Object.keys(DIFFERENT_FROM_PYTHON).sort());
  });

  it('PARSE-40 PARSE-71 are never another moment than was written or than Python reads when one octet is damaged', async () => {
    const damaged = fc
      .tuple(moment, fc.nat(), fc.constantFrom('', 'x', ' ', ':', '9', '+', '-', '.', '('))
      .map(([given, at, octet]) => {
        const text = write({ ...given, form: 'RFC 5322 §3.3' });
        const place = at % text.length;
        return { text: text.slice(0, place) + octet + text.slice(place + 1), seconds: given.seconds };
      });
    const samples = fc.sample(damaged, { numRuns: COUNT, seed: SEED });
    const theirs = await readByPython(samples.map(({ text }) => text));
    const wrong: string[] = [];
    let read = 0;
    for (const [index, { text, seconds }] of samples.entries()) {
      const ours = parseDate(text);
      if (ours === undefined) continue; // no wrong moment
      read += 1;
      const known = KNOWN.some(([shape]) => shape.test(text));
      if (!known && ![seconds, theirs[index]].includes(ours.getTime() / 1000))
        wrong.push(`${text} | ${ours.toISOString()} | ${theirs[index]}`);
    }
    expect(wrong).toEqual([]);
    expect(read).toBeGreaterThan(COUNT / 5);
  });
});

/** Damaged dates that are another moment than was written, and than Python reads, and why. */
const KNOWN: readonly (readonly [shape: RegExp, reason: string])[] = [
  [/ 1\d\d +\d\d:/, 'three digits of a year count from 1900 (RFC 5322 §4.3)'],
  [/ \d\. [A-Z]/, 'a dot follows the day, as in German, where a digit was'],
  [/ \d{1,2}[A-Z]/, 'no blank follows the day, where a digit or a blank was'],
];
