import { describe, expect, it } from 'vitest';
import { inChunks, octets } from '../test/fixtures.ts';
import type { BareCr } from './canon/body.ts';
import { type MessageSource, readBody, splitMessage, toCrlf } from './message.ts';

async function read(message: MessageSource, bareCr: BareCr, maxHeaderBytes = 1000, signal?: AbortSignal) {
  const split = await splitMessage(message, { bareCr, maxHeaderBytes, signal });
  const body: Buffer[] = [];
  await readBody(split, signal, (chunk) => body.push(Buffer.from(chunk)));
  return [Buffer.from(split.header).toString('latin1'), Buffer.concat(body).toString('latin1')];
}

describe('reading a message', () => {
  const cases: [string, BareCr, string, string][] = [
    ['A: b\r\n\r\nbody\r\n', 'octet', 'A: b\r\n', 'body\r\n'],
    ['A: b\n\nbody', 'octet', 'A: b\r\n', 'body'],
    ['A: b\r\r\nC: d\r\n\r\n', 'octet', 'A: b\r\r\nC: d\r\n', ''],
    ['A: b\r\rbody', 'line-end', 'A: b\r\n', 'body'],
    ['A: b\rC: d\r\n\rbody\r', 'line-end', 'A: b\r\nC: d\r\n', 'body\r'],
    ['A: b\r\r', 'line-end', 'A: b\r\n', ''],
    ['\r\nbody', 'octet', '', 'body'],
    ['A: b', 'octet', 'A: b', ''],
    ['A: b\r', 'line-end', 'A: b\r\n', ''],
    ['', 'octet', '', ''],
  ];

  it('DKIM-04 cuts at the empty line, whatever the chunks', async () => {
    for (const [text, bareCr, header, body] of cases) {
      expect(await read(octets(text), bareCr)).toEqual([header, body]);
      for (let size = 1; size <= text.length; size++) {
        expect(await read(inChunks(octets(text), size), bareCr)).toEqual([header, body]);
      }
    }
  });

  it('DKIM-06 gives every line end as CRLF', () => {
    expect(Buffer.from(toCrlf(octets('a\rb\nc\r\nd\r\r\n\n'))).toString()).toBe(
      'a\r\nb\r\nc\r\nd\r\n\r\n\r\n',
    );
    expect(Buffer.from(toCrlf(octets('a\rb\nc'), 'octet')).toString()).toBe('a\rb\r\nc');
    const canonical = octets('a\r\nb\r\n');
    expect(toCrlf(canonical)).toBe(canonical);
  });

  it('stops at a header longer than the limit, also in a stream without end', async () => {
    const endless = (async function* () {
      for (;;) yield octets('X: y\r\n');
    })();
    await expect(read(endless, 'octet')).rejects.toMatchObject({ code: 'MB_DKIM_HEADER_TOO_LARGE' });
    await expect(read(octets(`A: ${'b'.repeat(2000)}`), 'octet')).rejects.toMatchObject({
      code: 'MB_DKIM_HEADER_TOO_LARGE',
    });
  });

  it('refuses what is no message of octets', async () => {
    await expect(read('A: b\r\n\r\n' as never, 'octet')).rejects.toMatchObject({
      code: 'MB_DKIM_MESSAGE_TYPE',
    });
    async function* strings() {
      yield 'A: b\r\n' as never;
    }
    await expect(read(strings(), 'octet')).rejects.toMatchObject({ code: 'MB_DKIM_MESSAGE_TYPE' });
  });

  it('stops when the caller aborts, and closes the stream', async () => {
    const controller = new AbortController();
    let closed = false;
    async function* chunks() {
      try {
        yield octets('A: b\r\n\r\n');
        controller.abort();
        for (;;) yield octets('more');
      } finally {
        closed = true;
      }
    }
    await expect(read(chunks(), 'octet', 1000, controller.signal)).rejects.toMatchObject({
      code: 'MB_DKIM_ABORTED',
      kind: 'aborted',
    });
    expect(closed).toBe(true);
  });

  it('does not wait for a stream that gives no more chunks', async () => {
    async function* stuck() {
      yield octets('A: b\r\n\r\n');
      await new Promise(() => {});
    }
    const signal = AbortSignal.timeout(10);
    const error = await read(stuck(), 'octet', 1000, signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'MB_DKIM_ABORTED' });
    expect((error as Error).cause).toBe(signal.reason);
  });

  it('lets other work run while it reads a large body', async () => {
    let turns = 0;
    const immediate = () => {
      turns++;
      setImmediate(immediate).unref();
    };
    setImmediate(immediate).unref();
    await read(Buffer.concat([octets('A: b\r\n\r\n'), Buffer.alloc(8 << 20, 'a')]), 'octet');
    expect(turns).toBeGreaterThanOrEqual(5);
  });
});
