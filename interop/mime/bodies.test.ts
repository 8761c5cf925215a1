import { join } from 'node:path';
import { type ParsedPart, parseMessage } from '@mb/mime';
import { simpleParser } from 'mailparser';
import PostalMime from 'postal-mime';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { DAMAGES, generateTrees, leavesOf, type Tree, writeTree } from './bodies.ts';
import { read } from './external-reader.ts';
import { frame } from './generated.ts';

/** `MB_BODIES=5000` is run before a release; the default suits CI. */
const COUNT = Number(process.env.MB_BODIES ?? 1000);
const DAMAGED = Number(process.env.MB_DAMAGED ?? 400);
const SEED = Number(process.env.MB_SEED ?? 20_261_130);
const here = import.meta.dirname;

/** The words that a reader shows as text or HTML, and those of the files that it lists. */
interface Reading {
  readonly shown: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
}

type Reader = 'ours' | 'python' | 'perl' | 'mailparser' | 'postal-mime';

const wordsOf = (...texts: (string | false | undefined)[]) =>
  new Set(texts.flatMap((text) => (text || '').match(/w\d+x/g) ?? []));
const latin1 = (content: unknown) => Buffer.from(content as Uint8Array).toString('latin1');

async function readOurs(octets: Buffer): Promise<Reading> {
  const { text, html, textBody, htmlBody, attachments, alternatives } = await parseMessage(octets);
  const content = (parts: readonly ParsedPart[]) => parts.map((part) => latin1(part.content));
  const body = wordsOf(
    ...content([...textBody, ...htmlBody].filter(({ contentType }) => /^text/.test(contentType))),
  );
  // What the lists hold is what the strings show.
  expect(wordsOf(text, html)).toEqual(body);
  return { shown: body, files: wordsOf(...content([...attachments, ...alternatives])) };
}

async function readPostalMime(octets: Buffer): Promise<Reading> {
  const { text, html, attachments } = await PostalMime.parse(octets);
  return { shown: wordsOf(text, html), files: wordsOf(...attachments.map(({ content }) => latin1(content))) };
}

async function readMailparser(octets: Buffer): Promise<Reading> {
  const { text, html, attachments } = await simpleParser(octets, {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipTextLinks: true,
    skipImageLinks: true,
  });
  return { shown: wordsOf(text, html), files: wordsOf(...attachments.map(({ content }) => latin1(content))) };
}

/** Python and Perl do not join the body's texts: every text counts as shown, unless it is an attachment. */
function readParts(result: Record<string, unknown>): Reading {
  const parts = (result.parts ?? []) as { type: string; disposition?: string | null; words: string[] }[];
  const isShown = ({ type, disposition }: (typeof parts)[number]) =>
    /^text\/(?:plain|html)$/.test(type) && disposition !== 'attachment';
  return {
    shown: new Set(parts.filter(isShown).flatMap(({ words }) => words)),
    files: new Set(parts.filter((part) => !isShown(part)).flatMap(({ words }) => words)),
  };
}

async function readAll(messages: readonly Buffer[]): Promise<Record<Reader, Reading[]>> {
  const framed = frame(messages.map((octets) => ({ octets })));
  const inTurn = async (reader: (octets: Buffer) => Promise<Reading>) => {
    const readings: Reading[] = [];
    for (const octets of messages) readings.push(await reader(octets));
    return readings;
  };
  const [python, perl, ours, mailparser, postalMime] = await Promise.all([
    read('/usr/bin/python3', [join(here, 'read_messages.py')], framed),
    read('perl', [join(here, 'read_messages.pl')], framed),
    inTurn(readOurs),
    inTurn(readMailparser),
    inTurn(readPostalMime),
  ]);
  expect([python.length, perl.length]).toEqual([messages.length, messages.length]);
  return {
    ours,
    python: python.map(readParts),
    perl: perl.map(readParts),
    mailparser,
    'postal-mime': postalMime,
  };
}

const OTHERS = ['python', 'mailparser', 'postal-mime'] as const;

/** How and why we differ from the three readers that separate text from files, by the position of the part. */
function reasonToDiffer(leaf: ReturnType<typeof leavesOf>[number]): string | undefined {
  const { type, disposition } = leaf.leaf;
  const isNamed = /name=/.test(type + disposition);
  if (leaf.path.includes('multipart/related') && !leaf.first) return RELATED;
  if (leaf.parent === 'multipart/mixed' && isNamed && !leaf.first) return NAMED;
  return undefined;
}

const RELATED = 'a text beside the root of a related is a file that the root links to (RFC 8621 §4.1.4)';
const NAMED = 'a text with a name after the first part of a mixed is a file (RFC 8621 §4.1.4)';

describe('bodies beside four other readers', () => {
  beforeAll(() => ensureDebianPackages(['python3', 'libmime-tools-perl']));

  it(`BODY-06 show the texts that the others show, over ${COUNT} generated messages`, async () => {
    const trees = generateTrees(COUNT, SEED);
    const readings = await readAll(trees.map((tree) => writeTree(tree)));
    const reasons = new Map<string, number>();
    const unexplained: string[] = [];
    for (const [index, tree] of trees.entries()) {
      for (const found of leavesOf(tree)) {
        const { word, type } = found.leaf;
        const ours = readings.ours[index]!;
        // Nothing is lost: each word is shown or in a file, for Perl's parser as for ours.
        const isThere = ({ shown, files }: Reading) => shown.has(word) || files.has(word);
        if (!isThere(ours) || !isThere(readings.perl[index]!))
          unexplained.push(`lost ${word} of ${print(tree)}`);
        if (!/^text\/(?:plain|html)/.test(type)) continue;
        const votes = OTHERS.filter((reader) => readings[reader][index]!.shown.has(word)).length;
        if (ours.shown.has(word) === votes >= 2) continue;
        const reason = reasonToDiffer(found);
        if (reason === undefined) unexplained.push(`${word} of ${print(tree)}: ${votes} of 3 show it`);
        else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
    expect(unexplained.slice(0, 10)).toEqual([]);
    expect(new Set(reasons.keys())).toEqual(new Set([RELATED, NAMED]));
  }, 900_000);

  it(`BODY-07 lose no word that two of the others find, over ${DAMAGED} damaged messages`, async () => {
    const damages = Object.entries(DAMAGES);
    const trees = generateTrees(DAMAGED, SEED + 1);
    const damaged = trees.map((tree, index) => {
      const [name, damage] = damages[index % damages.length]!;
      return { name, tree, octets: writeTree(tree, damage) };
    });
    const readings = await readAll(damaged.map(({ octets }) => octets));
    const lost: string[] = [];
    for (const [index, { name, tree }] of damaged.entries()) {
      for (const { leaf } of leavesOf(tree)) {
        const finds = (reader: Reader) =>
          readings[reader][index]!.shown.has(leaf.word) || readings[reader][index]!.files.has(leaf.word);
        const found = (['python', 'perl', 'mailparser', 'postal-mime'] as const).filter(finds);
        if (!finds('ours') && found.length >= 2) lost.push(`${name}: ${leaf.word} of ${print(tree)}`);
      }
    }
    expect(lost.slice(0, 10)).toEqual([]);
  }, 120_000);
});

const print = (tree: Tree): string =>
  'parts' in tree
    ? `${tree.type.slice(10)}{${tree.parts.map(print).join(' ')}}`
    : `${tree.word}:${tree.type}${tree.disposition && ` (${tree.disposition})`}`;
