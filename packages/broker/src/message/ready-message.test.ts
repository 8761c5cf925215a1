import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BrokerError } from '../errors.ts';
import type { Octets } from './outgoing-message.ts';
import { type ReadyMessage, readReadyMessage } from './ready-message.ts';

const envelope = { from: 'ann@example.com', to: ['bob@example.org'] };

/** The same octets in one array, in one piece of a stream, and octet by octet. */
function formsOf(text: string): ReadyMessage['raw'][] {
  const octets = Buffer.from(text, 'latin1');
  return [octets, stream([octets]), stream([...octets].map((octet) => Uint8Array.of(octet)))];
}

async function* stream(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function textOf(octets: Octets): Promise<string> {
  if (octets instanceof Uint8Array) return Buffer.from(octets).toString('latin1');
  const chunks: Uint8Array[] = [];
  for await (const chunk of octets) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

const refused: Readonly<Record<string, string>> = {
  'a lone CR before Bcc': 'From: a@example.com\r\nSubject: x\rBcc: secret@example.org\r\n\r\nbody\r\n',
  'a lone CR before a second From':
    'From: a@example.com\r\nSubject: x\rFrom: ceo@example.net\r\n\r\nbody\r\n',
  'an end of the header made of lone CRs':
    'From: a@example.com\r\nX: y\r\rForged body\r\nX-Spam: no\r\n\r\nbody\r\n',
  'CR CR LF': 'From: a@example.com\r\r\nSubject: x\r\n\r\nbody\r\n',
  'a lone CR among LF line ends': 'From: a@example.com\nSubject: x\rTo: c@example.net\n\nbody\n',
  'a lone CR at the end': 'From: a@example.com\r\nSubject: x\r',
  'a NUL': 'From: a@example.com\r\nSubject: x\0y\r\n\r\nbody\r\n',
  'two From fields': 'From: a@example.com\r\nFrom: ceo@example.net\r\n\r\nbody\r\n',
  'two From fields, one with a space before the colon':
    'From: a@example.com\nFROM : ceo@example.net\n\nbody\n',
  'two Subject fields': 'From: a@example.com\r\nSubject: x\r\nsubject: y\r\n\r\nbody\r\n',
  'two To fields': 'From: a@example.com\r\nTo: x@example.org\r\nTo: y@example.org\r\n\r\nbody\r\n',
  'two Content-Type fields':
    'From: a@example.com\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\nbody\r\n',
  'a line that is no field': 'From: a@example.com\r\nForged body\r\nSubject: x\r\n\r\nbody\r\n',
  'a first line that continues nothing': ' From: a@example.com\r\nSubject: x\r\n\r\nbody\r\n',
  'no From': 'Subject: x\r\n\r\nbody\r\n',
  'nothing at all': '',
};

describe('SAFE-04 a header that can be read in two ways is refused', () => {
  for (const [name, text] of Object.entries(refused)) {
    it(name, async () => {
      for (const raw of formsOf(text)) {
        const error = await readReadyMessage({ raw, envelope }).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(BrokerError);
        expect(error).toMatchObject({ code: 'MB_BROKER_MESSAGE_SYNTAX', kind: 'invalid-input' });
      }
    });
  }
});

const authors: readonly (readonly [from: string, domain: string])[] = [
  ['Ann <ann@Example.com>', 'example.com'],
  ['"joe@attacker.example" <ceo@bank.example>', 'bank.example'],
];

const noAuthors = [
  'joe@attacker.example <ceo@bank.example>',
  'Joe <joe@attacker.example> <ceo@bank.example>',
  '"Joe <joe@attacker.example>"',
  'Team: ann@example.com;',
  'Ann',
];

const readFrom = (from: string) =>
  readReadyMessage({ raw: Buffer.from(`From: ${from}\r\n\r\nbody\r\n`), envelope });

describe('a ready message', () => {
  it.each(authors)('AUTHOR-04 is signed for its author: %s', async (from, domain) => {
    expect((await readFrom(from)).authorDomain).toBe(domain);
  });

  it('AUTHOR-06 is signed for the first of several authors', async () => {
    expect((await readFrom('ann@example.com, bob@example.net')).authorDomain).toBe('example.com');
  });

  it.each(noAuthors)('AUTHOR-07 is refused without an author: %s', async (from) => {
    await expect(readFrom(from)).rejects.toMatchObject({
      code: 'MB_BROKER_MESSAGE_SYNTAX',
      kind: 'invalid-input',
    });
  });

  it('ADDR-18 goes to addresses as they were received when it is told to', async () => {
    const raw = Buffer.from('From: a@example.com\r\n\r\nbody\r\n');
    const long = `${'x'.repeat(80)}@example.org`;
    const odd = { from: 'end.@docomo.example', to: ['a..b@docomo.example', long, 'c@example.org.'] };
    await expect(readReadyMessage({ raw, envelope: odd })).rejects.toMatchObject({
      code: 'MB_MIME_ADDRESS_SYNTAX',
      kind: 'invalid-input',
      field: 'envelope.from',
      value: 'end.@docomo.example',
      message: expect.stringContaining("addresses: 'as-received'"),
    });
    const { envelope: wire } = await readReadyMessage({ raw, envelope: odd, addresses: 'as-received' });
    expect(wire).toEqual({
      from: '"end."@docomo.example',
      to: ['"a..b"@docomo.example', long, 'c@example.org'],
    });
    const crossed = {
      from: 'a@example.com',
      to: ['b@example.org', 'c@example.org>\r\nRCPT TO:<d@example.org'],
    };
    await expect(
      readReadyMessage({ raw, envelope: crossed, addresses: 'as-received' }),
    ).rejects.toMatchObject({
      field: 'envelope.to',
      index: 1,
    });
  });
});

describe('SAFE-05 the octets that are checked are the octets that are sent', () => {
  const cases: Readonly<Record<string, readonly [given: string, sent: string]>> = {
    'LF becomes CRLF': [
      'From: a@example.com\nX: y\n\nb\nc\n',
      'From: a@example.com\r\nX: y\r\n\r\nb\r\nc\r\n',
    ],
    'a lone CR in the body becomes CRLF': [
      'From: a@example.com\r\n\r\nb\rc\r',
      'From: a@example.com\r\n\r\nb\r\nc\r\n',
    ],
    'mixed line ends': ['From: a@example.com\n\r\nb\r\nc\nd', 'From: a@example.com\r\n\r\nb\r\nc\r\nd'],
    'Bcc and Resent-Bcc go': [
      'Bcc: x@example.org,\n y@example.org\nFrom: a@example.com\nresent-bcc : z@example.org\nTo: t@example.org\n\nb\n',
      'From: a@example.com\r\nTo: t@example.org\r\n\r\nb\r\n',
    ],
    'a message that is all header': ['From: a@example.com', 'From: a@example.com\r\n'],
    'nothing to change': ['From: a@example.com\r\n\r\n\r\nb\r\n', 'From: a@example.com\r\n\r\n\r\nb\r\n'],
  };
  for (const [name, [given, sent]] of Object.entries(cases)) {
    it(name, async () => {
      for (const raw of formsOf(given)) {
        const { octets, size } = await readReadyMessage({ raw, envelope });
        expect(await textOf(octets)).toBe(sent);
        expect(size).toBe(sent.length);
      }
    });
  }

  it('and what the caller does with its array later changes nothing', async () => {
    const raw = Buffer.from('From: a@example.com\r\n\r\nb\r\n');
    const { octets } = await readReadyMessage({ raw, envelope });
    raw.fill(0x41);
    expect(await textOf(octets)).toBe('From: a@example.com\r\n\r\nb\r\n');
  });

  it('and a source that gives something else the second time is read once', async () => {
    let reads = 0;
    const body = Buffer.alloc(2 * 1024 * 1024, 0x62);
    const raw: AsyncIterable<Uint8Array> = {
      async *[Symbol.asyncIterator]() {
        reads++;
        yield Buffer.from(`From: a${reads}@example.com\r\n\r\n`);
        yield body;
      },
    };
    const prepared = await readReadyMessage({ raw, envelope });
    const first = await textOf(prepared.octets);
    expect(await textOf(prepared.octets)).toBe(first);
    expect([reads, first.slice(0, 8)]).toEqual([1, 'From: a1']);
    await prepared.release?.();
  });
});

describe('SAFE-06 SAFE-79 a stream is read in constant memory', () => {
  it('reads 256 MB (1 GB with MB_LARGE=1) three times without holding it', async () => {
    const chunk = Buffer.from(`${'x'.repeat(76)}\r\n`.repeat(840));
    const chunks = Math.round(((process.env.MB_LARGE === '1' ? 1024 : 256) * 1024 * 1024) / chunk.length);
    const raw = (async function* () {
      yield Buffer.from('From: a@example.com\r\n\r\n');
      for (let i = 0; i < chunks; i++) yield chunk;
    })();
    let peak = 0;
    const before = process.memoryUsage();
    const look = () => {
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      peak = Math.max(peak, arrayBuffers - before.arrayBuffers + heapUsed - before.heapUsed);
    };
    const watched = (async function* () {
      let n = 0;
      for await (const piece of raw) {
        if (n++ % 64 === 0) look();
        yield piece;
      }
    })();
    const prepared = await readReadyMessage({ raw: watched, envelope });
    for (let pass = 0; pass < 2; pass++) {
      let size = 0;
      for await (const piece of prepared.octets as AsyncIterable<Uint8Array>) {
        size += piece.length;
        if (size % (16 * 1024 * 1024) < piece.length) look();
      }
      expect(size).toBe(prepared.size);
    }
    await prepared.release?.();
    expect(prepared.size).toBe(23 + chunks * chunk.length);
    expect(peak).toBeLessThan(96 * 1024 * 1024);
  });

  it('ends the source when the header is refused, too long, or the message too large', async () => {
    for (const [head, maxBytes] of [
      ['X: y\r\n\r\n', 1e9],
      [`X: ${'y'.repeat(2 * 1024 * 1024)}`, 1e9],
      ['From: a@example.com\r\n\r\n', 100_000],
    ] as const) {
      let ended = false;
      const raw = (async function* () {
        try {
          yield Buffer.from(head);
          for (;;) yield Buffer.alloc(65_536, 0x62);
        } finally {
          ended = true;
        }
      })();
      await expect(readReadyMessage({ raw, envelope }, { maxBytes })).rejects.toMatchObject({
        code: expect.stringMatching(/^MB_BROKER_MESSAGE_(SYNTAX|TOO_LARGE)$/),
      });
      await setTimeout(1);
      expect(ended).toBe(true);
    }
  });

  it('gives the failure of a source as a typed error', async () => {
    const failing = (async function* () {
      yield Buffer.from('From: a@example.com\r\n\r\nb');
      throw new Error('EIO');
    })();
    await expect(readReadyMessage({ raw: failing, envelope })).rejects.toMatchObject({
      code: 'MB_BROKER_CONTENT_FAILED',
      retryable: true,
    });
    const text = stream(['From: a@example.com\r\n\r\n'] as unknown as Uint8Array[]);
    await expect(readReadyMessage({ raw: text, envelope })).rejects.toMatchObject({
      code: 'MB_BROKER_CONTENT_FAILED',
    });
    for (const raw of ['From: a@example.com', 5, null, undefined, {}, []] as unknown as Uint8Array[]) {
      await expect(readReadyMessage({ raw, envelope })).rejects.toMatchObject({ code: 'MB_BROKER_OPTION' });
    }
  });
});
