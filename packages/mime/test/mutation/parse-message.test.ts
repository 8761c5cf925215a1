import { isDeepStrictEqual } from 'node:util';
import { mutateOctets, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import {
  type ParsedMessage,
  type ParsedPart,
  parseMessage,
  rawPart,
  readAuthor,
  readReport,
} from '../../src/index.ts';
import { messages } from './samples.ts';

async function* inPieces(octets: Uint8Array, integer: (least: number, most: number) => number) {
  for (let at = 0; at < octets.length; ) {
    const length = integer(1, integer(0, 3) === 0 ? 3 : 200);
    yield octets.subarray(at, at + length);
    at += length;
  }
}

/** Each part lies within the octets of its message, its body behind its header. */
function checkRanges(part: ParsedPart, octets: Uint8Array): void {
  const { start, bodyStart, end } = part.range;
  expect(start >= 0 && start <= bodyStart && bodyStart <= end && end <= octets.length).toBe(true);
  const raw = rawPart(octets, part);
  expect(raw.header.length + raw.body.length).toBe(raw.octets.length);
  for (const child of part.parts) checkRanges(child, octets);
}

/** What others make of a message that was parsed. */
function readOn(message: ParsedMessage): void {
  readReport(message);
  readAuthor(message.headers);
}

it(`MUT-01 MUT-03 parseMessage never throws, and cuts do not matter: ${mutationCount} damaged messages`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateOctets({
    name: 'parseMessage',
    samples: messages,
    words: [
      '\r\n',
      '\r\n\r\n',
      '--b1',
      '--b1--',
      '--b2',
      '--',
      'Content-Type: ',
      'boundary=',
      '=?',
      '?=',
      '\r',
      '=\r\n',
    ],
    async check(octets, { integer }) {
      const whole = await parseMessage(octets);
      checkRanges(whole.root, octets);
      readOn(whole);
      const cut = await parseMessage(inPieces(octets, integer));
      if (!isDeepStrictEqual(cut, whole)) expect(cut).toEqual(whole);
      return whole.defects.length === 0 ? 'accepted' : 'refused';
    },
  });
});
