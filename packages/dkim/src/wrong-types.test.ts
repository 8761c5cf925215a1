import { type ParameterEntry, type WrongTypeWalk, wrongTypeCases } from '@mb/testkit/wrong-types';
import { expect, it } from 'vitest';
import * as dkim from './index.ts';

const resolveTxt = async () => [];
const signing = (
  await dkim.generateKeyPair({ domain: 'example.com', selector: 's', algorithm: 'ed25519-sha256' })
).privateKey;
const message = Buffer.from('From: a@example.com\r\n\r\nx\r\n');

const readers: Readonly<Record<string, (value: never) => unknown>> = {
  parseAuthenticationResults: (value) => dkim.parseAuthenticationResults(value),
  formatAuthenticationResults: (value) => dkim.formatAuthenticationResults(value),
  'formatAuthenticationResults value': (value) =>
    dkim.formatAuthenticationResults({
      authservId: value,
      results: [{ method: 'a', result: 'b', properties: [] }],
    }),
  parseKeyRecord: (value) => dkim.parseKeyRecord(value),
  parseTagList: (value) => dkim.parseTagList(value),
  formatTagList: (value) => dkim.formatTagList(value),
  toCrlf: (value) => dkim.toCrlf(value),
  prependFields: (value) => dkim.prependFields(value, value),
  dkimResults: (value) => dkim.dkimResults(value),
  arcResult: (value) => dkim.arcResult(value),
  'verifyMessage message': (value) => dkim.verifyMessage(value, { resolveTxt }),
  'verifyMessage answer': (value) =>
    dkim.verifyMessage(
      Buffer.from(
        'DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s; h=from; bh=AAAA; b=AAAA\r\nFrom: a@b.example\r\n\r\n',
      ),
      { resolveTxt: async () => value },
    ),
  verifyArc: (value) => dkim.verifyArc(value, { resolveTxt }),
  createSigner: (value) => dkim.createSigner(value),
  'createSigner key': (value) =>
    dkim.createSigner({ domain: 'example.com', selector: 's', privateKey: value }),
  'createSigner domain': (value) => dkim.createSigner({ domain: value, selector: 's', privateKey: signing }),
  'createSigner identity': (value) =>
    dkim.createSigner({ domain: 'example.com', selector: 's', privateKey: signing, identity: value }),
  'sign message': (value) =>
    dkim.createSigner({ domain: 'example.com', selector: 's', privateKey: signing }).sign(value),
  'sealMessage results': (value) =>
    dkim.sealMessage(message, {
      signature: { domain: 'example.com', selector: 's', privateKey: signing },
      authservId: 'mx',
      results: value,
      verification: { resolveTxt },
    }),
  'sealMessage result': (value) =>
    dkim.sealMessage(message, {
      signature: { domain: 'example.com', selector: 's', privateKey: signing },
      authservId: 'mx',
      results: [{ method: 'spf', result: 'pass' } as never, value],
      verification: { resolveTxt },
    }),
  generateKeyPair: (value) =>
    dkim.generateKeyPair({ domain: value, selector: 's', algorithm: 'ed25519-sha256' }),
  checkPublishedKey: (value) =>
    dkim.checkPublishedKey({ domain: 'example.com', selector: value, resolveTxt }),
};

const wrong: readonly unknown[] = [
  undefined,
  null,
  5,
  Number.NaN,
  {},
  [],
  [[]],
  Symbol('x'),
  () => {},
  new Uint8Array(3),
  '\ud800',
  'a\udc00=b; c',
  'x'.repeat(1_000_000),
  'a=b;'.repeat(250_000),
  '('.repeat(1_000_000),
  ' '.repeat(1_000_000),
  '\0',
  '',
];

const calls = Object.entries(readers);
it.each(calls)(
  'DKIM-29 %s answers or throws a typed error for whatever it is given',
  async (_, read) => {
    for (const value of wrong) {
      try {
        await read(value as never);
      } catch (error) {
        expect(dkim.DkimError.isInstance(error), `${typeof value}: ${String(error)}`).toBe(true);
      }
    }
  },
  10_000,
);

const input: ParameterEntry = [message];
const text: ParameterEntry = ['x', 'string'];
const signature = { domain: 'example.com', selector: 's', privateKey: signing };
const verified = await dkim.verifyMessage(message, { resolveTxt });
const chain = await dkim.verifyArc(message, { resolveTxt });

const walk: WrongTypeWalk<typeof dkim> = {
  signMessage: { parameters: [input, [signature], [{}, 'undefined', 'object']] },
  createSigner: [
    { parameters: [[signature]] },
    {
      parameters: [input, [{}, 'undefined', 'object']],
      call: (...given: [never, never]) => dkim.createSigner(signature).sign(...given),
    },
    { parameters: [input], call: (chunk: never) => dkim.createSigner(signature).sign(chunks(chunk)) },
  ],
  verifyMessage: [
    { parameters: [input, [{ resolveTxt }]] },
    { parameters: [input], call: (chunk: never) => dkim.verifyMessage(chunks(chunk), { resolveTxt }) },
  ],
  verifyArc: [
    { parameters: [input, [{ resolveTxt }]] },
    { parameters: [input], call: (chunk: never) => dkim.verifyArc(chunks(chunk), { resolveTxt }) },
  ],
  sealMessage: {
    parameters: [input, [{ signature, authservId: 'mx', results: [], verification: { resolveTxt } }]],
  },
  parseAuthenticationResults: { parameters: [text] },
  formatAuthenticationResults: {
    parameters: [[{ authservId: 'mx', results: [] }], ['X:', 'string', 'undefined']],
  },
  dkimResults: { parameters: [[verified]] },
  arcResult: { parameters: [[chain]] },
  generateKeyPair: { parameters: [[{ domain: 'example.com', selector: 's', algorithm: 'ed25519-sha256' }]] },
  parseKeyRecord: { parameters: [text] },
  toCrlf: { parameters: [input, ['line-end', 'undefined']] },
  prependFields: { parameters: [['X: y\r\n'], input] },
  isKeyValid: {
    parameters: [
      [{ validFrom: 5 }, 'object', 'array', 'length', 'detached'],
      [5, 'number'],
    ],
  },
  checkPublishedKey: { parameters: [[{ domain: 'example.com', selector: 's', resolveTxt }]] },
  formatTagList: { parameters: [[[['a', 'b']], 'array']] },
  parseTagList: { parameters: [text] },
  DkimError: 'none',
};

const cases = wrongTypeCases(dkim, walk, dkim.DkimError.isInstance);
it.each(cases)('OPT-06 $name', ({ check }) => check(), 2000);

async function* chunks(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}
