import { verify as verifySignature } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  ed25519,
  inChunks,
  octets,
  plainMessage,
  resolverOf,
  resolveTxt,
  rsa,
  signWithEd25519,
  signWithRsa,
  withFields,
  zone,
} from '../../test/fixtures.ts';
import { parseAuthenticationResults } from '../authentication-results.ts';
import type { SignOptions } from '../sign-options.ts';
import { type SealOutcome, sealMessage } from './seal.ts';
import { verifyArc } from './verify.ts';

const dkimPass = {
  method: 'dkim',
  result: 'pass',
  properties: [{ type: 'header', name: 'd', value: 'example.com' }],
};

const seal = (message: Uint8Array, signature: SignOptions = signWithRsa): Promise<SealOutcome> =>
  sealMessage(message, {
    signature,
    authservId: 'mx.example.org',
    results: [dkimPass],
    verification: { resolveTxt },
  });

async function sealTimes(count: number, start: Uint8Array = plainMessage): Promise<Buffer> {
  let message: Uint8Array = start;
  for (let instance = 1; instance <= count; instance++) {
    message = withFields((await seal(message, instance % 2 ? signWithEd25519 : signWithRsa)).fields, message);
  }
  return Buffer.from(message);
}

const verify = (message: Uint8Array) => verifyArc(message, { resolveTxt });

/** A sealed message with its text changed. */
async function changed(from: string | RegExp, to: string, sets = 2): Promise<Buffer> {
  const before = (await sealTimes(sets)).toString('latin1');
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  return octets(after);
}

describe('ARC chains', () => {
  it('ARC-02 adds three fields with the right i= and cv=, under the newest on top', async () => {
    const first = await seal(plainMessage);
    expect(first).toMatchObject({ sealed: true, instance: 1, chain: { status: 'none' } });
    const names = [...first.fields.matchAll(/^([A-Za-z-]+):/gm)].map((match) => match[1]);
    expect(names).toEqual(['ARC-Seal', 'ARC-Message-Signature', 'ARC-Authentication-Results']);
    expect(first.fields).toMatch(/^ARC-Seal: i=1; .*cv=none;/);
    expect(first.fields).not.toMatch(/h=[^;]*arc-seal/);
    const second = await seal(withFields(first.fields, plainMessage));
    expect(second).toMatchObject({ instance: 2, chain: { status: 'pass', instance: 1 } });
    expect(second.fields).toMatch(/^ARC-Seal: i=2; .*cv=pass;/);
    expect(second.fields).toMatch(/arc=pass header\.oldest-pass=0\r\n$/);
  });

  it('ARC-01 ARC-02 verifies what it seals, with both algorithms, canonicalisations and as a stream', async () => {
    for (const canonicalization of ['relaxed/relaxed', 'simple/simple'] as const) {
      const outcome = await seal(plainMessage, { ...signWithRsa, canonicalization });
      expect(await verify(withFields(outcome.fields, plainMessage))).toMatchObject({ status: 'pass' });
    }
    const message = await sealTimes(3);
    const outcome = await verifyArc(inChunks(message, 11), { resolveTxt });
    expect(outcome).toMatchObject({ status: 'pass', reason: 'chain-valid', instance: 3, oldestPass: 0 });
    expect(
      outcome.sets.map((one) => [
        one.instance,
        one.domain,
        one.selector,
        one.chainValidation,
        one.seal.status,
      ]),
    ).toEqual([
      [1, 'example.com', 'ed', 'none', 'pass'],
      [2, 'example.com', 'rsa', 'pass', 'pass'],
      [3, 'example.com', 'ed', 'pass', 'pass'],
    ]);
    expect(parseAuthenticationResults(outcome.sets[0]!.authenticationResults)).toEqual({
      authservId: 'mx.example.org',
      results: [dkimPass, { method: 'arc', result: 'none', properties: [] }],
    });
  });

  it('ARC-01 says none without a chain', async () => {
    expect(await verify(plainMessage)).toMatchObject({ status: 'none', reason: 'no-chain', instance: 0 });
  });

  it('ARC-01 validates a chain of 50 sets, and refuses one more', async () => {
    const message = await sealTimes(50);
    expect(await verify(message)).toMatchObject({ status: 'pass', instance: 50 });
    expect(await seal(message)).toMatchObject({
      sealed: false,
      fields: '',
      instance: 50,
      chain: { status: 'pass' },
    });
    const longer = octets(
      `ARC-Seal: i=51; cv=pass\r\nARC-Message-Signature: i=51\r\nARC-Authentication-Results: i=51; x\r\n`,
    );
    expect(await verify(Buffer.concat([longer, message]))).toMatchObject({
      status: 'fail',
      reason: 'structure',
    });
  }, 60_000);

  it('ARC-01 fails on a body, a header or a set that was changed after the newest seal', async () => {
    expect(await verify(await changed('Shall', 'Shell'))).toMatchObject({
      status: 'fail',
      reason: 'message-signature',
    });
    expect(await verify(await changed('Subject: D', 'Subject: d'))).toMatchObject({
      reason: 'message-signature',
    });
    expect(await verify(await changed('dkim=pass', 'dkim=fail'))).toMatchObject({
      status: 'fail',
      reason: 'seal',
    });
    expect(await verify(await changed(/(i=1; mx[\s\S]*)dkim=pass/, '$1dkim=fail'))).toMatchObject({
      reason: 'seal',
    });
    expect((await verify(await changed(/(ARC-Seal: i=1;[\s\S]*?b=)(.)/, '$1A'))).status).toBe('fail');
  });

  it('ARC-01 ARC-02 keeps a chain over a change that a list makes between arrival and sealing', async () => {
    const arrived = await sealTimes(2);
    const chain = await verify(arrived);
    const changedByList = octets(arrived.toString('latin1').replace('Shall', '[list] Shall'));
    expect(await verify(changedByList)).toMatchObject({ status: 'fail', reason: 'message-signature' });
    const sealed = await sealMessage(changedByList, {
      signature: signWithRsa,
      authservId: 'list.example.org',
      results: [dkimPass],
      chain,
    });
    const passedOn = withFields(sealed.fields, changedByList);
    expect(await verify(passedOn)).toMatchObject({ status: 'pass', instance: 3, oldestPass: 3 });
    expect(await verify(withFields((await seal(passedOn)).fields, passedOn))).toMatchObject({
      oldestPass: 3,
      instance: 4,
    });
  });

  it('ARC-07 takes either a way to verify or a chain, and only the chain of the message', async () => {
    const chain = await verify(plainMessage);
    const options = { signature: signWithRsa, authservId: 'mx.example.org', results: [] };
    for (const bad of [options, { ...options, chain, verification: { resolveTxt } }]) {
      await expect(sealMessage(plainMessage, bad)).rejects.toMatchObject({ code: 'MB_DKIM_OPTION' });
    }
    await expect(sealMessage(await sealTimes(1), { ...options, chain })).rejects.toMatchObject({
      code: 'MB_DKIM_OPTION',
    });
  });

  it('ARC-01 fails on a broken structure', async () => {
    const breaks: [string | RegExp, string][] = [
      [/ARC-Seal: i=1;/, 'X-Seal: i=1;'],
      [/ARC-Message-Signature: i=1;/, 'ARC-Message-Signature: i=3;'],
      [/ARC-Authentication-Results: i=1;/, 'ARC-Authentication-Results: i=2;'],
      [/ARC-Seal: i=1;/, 'ARC-Seal: i=0;'],
      [/ARC-Seal: i=1;/, 'ARC-Seal: i=x;'],
      [/cv=none/, 'cv=pass'],
      [/cv=pass/, 'cv=none'],
      [/ cv=pass;/, ''],
      [/cv=none/, 'cv=fail'],
    ];
    for (const [from, to] of breaks) {
      expect(await verify(await changed(from, to)), `${from} → ${to}`).toMatchObject({
        status: 'fail',
        reason: 'structure',
      });
    }
    const doubled = await sealTimes(1);
    const field = doubled.toString('latin1').match(/ARC-Seal:[\s\S]*?(?=ARC-Message)/)![0];
    expect(await verify(withFields(field, doubled))).toMatchObject({ status: 'fail', reason: 'structure' });
  });

  it('ARC-01 refuses a message signature over seals, and a seal with h=', async () => {
    const overSeals = (await seal(plainMessage, { ...signWithRsa, headers: ['from', 'subject'] })).fields;
    expect(overSeals).toContain('h=from');
    await expect(seal(plainMessage, { ...signWithRsa, headers: ['ARC-Seal'] })).rejects.toMatchObject({
      code: 'MB_DKIM_OPTION',
    });
    expect(await verify(await changed('cv=none;', 'cv=none; h=from;', 1))).toMatchObject({
      status: 'fail',
      reason: 'seal',
    });
    expect(await verify(await changed('h=from:', 'h=arc-seal:from:', 1))).toMatchObject({
      status: 'fail',
      reason: 'message-signature',
    });
  });

  it('ARC-06 seals a failed chain once, and never again', async () => {
    const broken = await changed('Shall', 'Shell');
    const once = await seal(broken);
    expect(once).toMatchObject({ sealed: true, instance: 3, chain: { status: 'fail' } });
    expect(once.fields).toMatch(/^ARC-Seal: i=3; .*cv=fail;/);
    const after = withFields(once.fields, broken);
    expect(await verify(after)).toMatchObject({ status: 'fail', reason: 'failed-before' });
    expect(await seal(after)).toMatchObject({ sealed: false, fields: '' });
  });

  it('ARC-10 seals a failed chain over its own set alone', async () => {
    const { fields } = await seal(await changed('Shall', 'Shell'));
    // RFC 8617 §5.1.2: of a failed chain only the newest set is hashed; relaxed, the seal last and with an empty b=.
    const set = fields
      .split(/\r\n(?![\t ])/)
      .filter((field) => field !== '')
      .map((field) =>
        field
          .replace(/\s+/g, ' ')
          .trim()
          .replace(/^([^:]+): ?/, (_, name) => `${name.toLowerCase()}:`),
      )
      .reverse();
    expect(set.map((field) => field.slice(0, field.indexOf(':')))).toEqual([
      'arc-authentication-results',
      'arc-message-signature',
      'arc-seal',
    ]);
    const signature = Buffer.from(/; b=([^;]*)/.exec(set[2]!)![1]!, 'base64');
    const hashed = [...set.slice(0, 2), set[2]!.replace(/(; b=)[^;]*/, '$1')].join('\r\n');
    expect(verifySignature('sha256', Buffer.from(hashed), rsa.publicKey, signature)).toBe(true);
  });

  it('ARC-01 ARC-02 neither judges nor seals while DNS does not answer', async () => {
    const message = await sealTimes(1);
    const silent = resolverOf({ ...zone, [ed25519.dnsName]: 'ESERVFAIL' });
    expect(await verifyArc(message, { resolveTxt: silent })).toMatchObject({
      status: 'temperror',
      reason: 'key-lookup',
    });
    const outcome = await sealMessage(message, {
      signature: signWithRsa,
      authservId: 'mx.example.org',
      results: [],
      verification: { resolveTxt: silent },
    });
    expect(outcome).toMatchObject({ sealed: false, chain: { status: 'temperror' } });
    const gone = resolverOf({ [rsa.dnsName]: rsa.dnsRecord });
    expect(await verifyArc(message, { resolveTxt: gone })).toMatchObject({ status: 'fail' });
  });

  it('refuses options that have no place in ARC, and control characters in results', async () => {
    await expect(seal(plainMessage, { ...signWithRsa, bodyLength: 1 })).rejects.toMatchObject({
      code: 'MB_DKIM_OPTION',
    });
    const results = [{ ...dkimPass, reason: 'a\r\nb' }];
    await expect(
      sealMessage(plainMessage, {
        signature: signWithRsa,
        authservId: 'mx',
        results,
        verification: { resolveTxt },
      }),
    ).rejects.toMatchObject({ code: 'MB_DKIM_AUTHRES_SYNTAX' });
  });

  it('gives a result for a header without end', async () => {
    const outcome = await verifyArc(octets(`X: ${'y'.repeat(5000)}`), { resolveTxt, maxHeaderBytes: 4096 });
    expect(outcome).toMatchObject({ status: 'fail', reason: 'header-too-large' });
  });
});
