import { mutateOctets, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { type Reply, SmtpError } from '../../src/errors.ts';
import { ReplyParser } from '../../src/protocol/reply/reply-parser.ts';
import { parseCapabilities } from '../../src/protocol/session/capabilities.ts';
import { defaultLimits } from '../../src/protocol/session/limits.ts';
import { replyWords, script } from './script.ts';

/** The replies of octets that arrive in these pieces, and the code of the error that ended them. */
function read(pieces: Iterable<Uint8Array>): { replies: Reply[]; code?: string } {
  const parser = new ReplyParser(defaultLimits);
  const replies: Reply[] = [];
  try {
    for (const piece of pieces) {
      parser.push(piece);
      for (let reply = parser.next(); reply; reply = parser.next()) replies.push(reply);
    }
  } catch (error) {
    if (!SmtpError.isInstance(error)) throw error;
    return { replies, code: error.code };
  }
  return { replies };
}

function* cut(octets: Uint8Array, integer: (least: number, most: number) => number) {
  for (let at = 0; at < octets.length; ) {
    const length = integer(1, integer(0, 1) === 0 ? 3 : 60);
    yield octets.subarray(at, at + length);
    at += length;
  }
}

it(`SMTP-83 MUT-01 MUT-03 ReplyParser gives replies or its own error, and cuts do not matter: ${mutationCount} dialogues`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateOctets({
    name: 'ReplyParser',
    samples: [Buffer.concat(script), ...script],
    words: replyWords,
    check(octets, { integer }) {
      const whole = read([octets]);
      if (whole.code !== undefined) expect(whole.code).toBe('MB_SMTP_REPLY_SYNTAX');
      for (const { code, lines } of whole.replies) {
        expect(code >= 200 && code <= 599).toBe(true);
        expect(lines.length).toBeGreaterThan(0);
      }
      expect(read(cut(octets, integer))).toEqual(whole);
      return whole.code === undefined ? 'accepted' : 'refused';
    },
  });
});

it(`MUT-01 parseCapabilities reads any reply to EHLO: ${mutationCount} replies`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateOctets({
    name: 'parseCapabilities',
    samples: [
      script[1]!,
      Buffer.from(
        '250-mx.example.com hello\r\n250-SIZE 52428800\r\n250-AUTH PLAIN LOGIN\r\n250-AUTH=LOGIN\r\n250-STARTTLS\r\n250-SMTPUTF8\r\n250-LIMITS RCPTMAX=100\r\n250 REQUIRETLS\r\n',
      ),
    ],
    words: [
      '\r\n250-',
      'SIZE ',
      'AUTH ',
      'AUTH=',
      'LIMITS ',
      'RCPTMAX=',
      'MAILMAX=',
      '=',
      ' ',
      '\t',
      'STARTTLS',
    ],
    check(octets) {
      const { replies } = read([octets]);
      const [reply] = replies;
      if (reply === undefined) return 'refused';
      const { maxSize, keywords } = parseCapabilities(reply);
      if (maxSize !== undefined) expect(Number.isSafeInteger(maxSize) && maxSize >= 0).toBe(true);
      for (const keyword of keywords.keys()) expect(keyword).toBe(keyword.toUpperCase());
      return 'accepted';
    },
  });
});
