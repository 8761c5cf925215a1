import { describe, expect, it } from 'vitest';
import { octets, resolveTxt, signWithEd25519 } from '../test/fixtures.ts';
import { verifyArc } from './arc/verify.ts';
import { parseAuthenticationResults } from './authentication-results.ts';
import { DkimError } from './errors.ts';
import { signMessage } from './sign.ts';
import { parseTagList } from './tag-list.ts';
import { verifyMessage } from './verify.ts';

/** Two mebibytes of each shape; what grows faster than its input runs into the time limit. */
const size = 2 << 20;
const timeLimitMs = 10_000;
const limits = { resolveTxt, maxHeaderBytes: 4 << 20 };
const fill = (piece: string, start = '', end = '') =>
  start + piece.repeat(Math.floor((size - 200) / piece.length)) + end;

function codeOf(read: () => unknown): string {
  try {
    read();
    return 'read';
  } catch (error) {
    return DkimError.isInstance(error) ? error.code : String(error);
  }
}

describe('hostile input of two mebibytes', { timeout: timeLimitMs }, () => {
  const headers: [string, string][] = [
    ['one field of white space', fill(' ', 'DKIM-Signature:')],
    ['folds', fill('\r\n ', 'DKIM-Signature: v=1;')],
    ['tags', fill('a=1;', 'DKIM-Signature: ')],
    ['semicolons', fill(';', 'DKIM-Signature: ')],
    [
      'names in h=',
      fill('from:', 'DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=rsa; bh=AAAA; b=AAAA; h=', 'to'),
    ],
    [
      'base64 and white space',
      fill('A ', 'DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=rsa; bh=AAAA; h=from; b='),
    ],
    [
      'quoted-printable',
      fill('=3D', 'DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=rsa; bh=AAAA; h=from; b=AAAA; i='),
    ],
    ['fields', fill('From: a\r\n', '')],
    [
      'signatures',
      fill('DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; bh=AAAA; b=AAAA\r\n', ''),
    ],
    ['seals', fill('ARC-Seal: i=1; cv=none\r\n', '')],
    ['colons', fill(':', 'X')],
    ['no colons', fill('x\r\n', '')],
  ];

  it.each(headers)('verifies a header of %s', async (_, header) => {
    const message = octets(`${header}\r\nFrom: a\r\n\r\nbody\r\n`);
    expect((await verifyMessage(message, limits)).status).not.toBe('pass');
    expect((await verifyArc(message, limits)).status).not.toBe('pass');
  });

  it.each(['\r', '\n', '\r\n', ' ', ' \r\n', 'x \r\n', '\t', '\r \n', 'x\n', '\r\n\r\nx'])(
    'signs and verifies a body of %j',
    async (piece) => {
      const message = octets(`From: a@example.com\r\n\r\n${fill(piece)}`);
      for (const canonicalization of ['simple/simple', 'relaxed/relaxed'] as const) {
        expect(await signMessage(message, { ...signWithEd25519, canonicalization })).toContain('b=');
      }
    },
  );

  it.each(['(', '((', '()', '\\', '"', 'a=b ', 'a.b=c ', ';', ' '])(
    'reads an Authentication-Results of %j',
    (piece) => {
      expect(['read', 'MB_DKIM_AUTHRES_SYNTAX']).toContain(
        codeOf(() => parseAuthenticationResults(fill(piece, 'a; dkim=pass '))),
      );
    },
  );

  it.each([';', '=', ' ', 'a=', 'a=1;'])('reads a tag list of %j', (piece) => {
    expect(['read', 'MB_DKIM_TAG_SYNTAX', 'MB_DKIM_TAG_DUPLICATE']).toContain(
      codeOf(() => parseTagList(fill(piece))),
    );
  });
});
