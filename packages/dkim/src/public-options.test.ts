import { type MethodWalk, methodCases, type OptionWalk, optionCases } from '@mb/testkit/option-walk';
import { it } from 'vitest';
import { sealOptions } from './arc/seal.ts';
import { authenticationResults } from './authentication-results.ts';
import * as dkim from './index.ts';
import { keyPairOptions } from './key-pair.ts';
import { publishedKeyOptions } from './published-key.ts';
import { signCallOptions } from './sign.ts';
import { selectorKeyOptions, signOptions } from './sign-options.ts';
import { verifyOptions } from './verify-options.ts';
import * as web from './web/index.ts';

const message = Buffer.from('From: a@example.com\r\n\r\nx\r\n');
const { privateKey } = await dkim.generateKeyPair({
  domain: 'example.com',
  selector: 's',
  algorithm: 'ed25519-sha256',
});
const resolveTxt = async () => [];
const signing = { domain: 'example.com', selector: 's', privateKey };
const fullSigning = {
  ...signing,
  passphrase: '',
  validFrom: 0,
  validUntil: new Date(4e12),
  canonicalization: 'relaxed/simple',
  headers: ['subject'],
  oversign: [],
  identity: '@example.com',
  expiresAfterSeconds: 60,
  timestamp: true,
  bodyLength: 'whole',
  queryMethod: 'dns/txt',
  copyHeaders: ['from'],
  now: () => 1e12,
} as const;
const rotating = { domain: 'example.com', keys: [{ selector: 's', privateKey }] };
const verification = { resolveTxt };
const results = [
  { method: 'spf', result: 'pass', properties: [{ type: 'smtp', name: 'helo', value: 'a.example' }] },
];
// Either verification or chain is given, so each may be undefined only beside the other.
const { verification: _verification, ...sealTable } = sealOptions;
const chain = await dkim.verifyArc(message, verification);

// Selector and key may be undefined only where `keys` is given.
const { selector: _selector, privateKey: _privateKey, ...signTable } = signOptions;

const walk: OptionWalk<typeof dkim> = {
  createSigner: [
    { valid: fullSigning, table: signTable, call: (options: never) => dkim.createSigner(options) },
    {
      valid: { ...rotating, selfCheck: { resolveTxt } },
      table: { selector: signOptions.selector, privateKey: signOptions.privateKey },
      call: (options: never) => dkim.createSigner(options),
    },
    {
      valid: rotating.keys[0]!,
      table: selectorKeyOptions,
      call: (key: never) => dkim.createSigner({ ...rotating, keys: [key] }),
    },
    { valid: signing, table: {}, call: (options: never) => dkim.createSigner([signing, options]) },
    {
      valid: {},
      table: signCallOptions,
      call: (options: never) => dkim.createSigner(signing).sign(message, options),
    },
  ],
  signMessage: [
    { valid: signing, table: signTable, call: (options: never) => dkim.signMessage(message, options) },
    {
      valid: {},
      table: signCallOptions,
      call: (options: never) => dkim.signMessage(message, signing, options),
    },
  ],
  verifyMessage: [
    {
      valid: verification,
      table: verifyOptions,
      call: (options: never) => dkim.verifyMessage(message, options),
    },
  ],
  verifyArc: [
    { valid: verification, table: verifyOptions, call: (options: never) => dkim.verifyArc(message, options) },
  ],
  sealMessage: [
    {
      valid: { signature: signing, authservId: 'mx.example.com', results, verification },
      table: sealTable,
      call: (options: never) => dkim.sealMessage(message, options),
    },
    {
      valid: { signature: signing, authservId: 'mx.example.com', results, chain },
      table: { verification: sealOptions.verification },
      opaque: ['chain'],
      call: (options: never) => dkim.sealMessage(message, options),
    },
  ],
  generateKeyPair: [
    {
      valid: { domain: 'example.com', selector: 's', algorithm: 'ed25519-sha256' },
      table: keyPairOptions,
      call: (options: never) => dkim.generateKeyPair(options),
    },
  ],
  checkPublishedKey: [
    {
      valid: { domain: 'example.com', selector: 's', resolveTxt, privateKey },
      table: publishedKeyOptions,
      call: (options: never) => dkim.checkPublishedKey(options),
    },
  ],
  formatAuthenticationResults: [
    {
      valid: { authservId: 'mx.example.com', version: 1, results },
      table: authenticationResults,
      call: (content: never) => dkim.formatAuthenticationResults(content),
    },
  ],
  parseAuthenticationResults: 'none',
  parseKeyRecord: 'none',
  parseTagList: 'none',
  formatTagList: 'none',
  toCrlf: 'none',
  isKeyValid: 'result',
  prependFields: 'none',
  dkimResults: 'none',
  arcResult: 'none',
  DkimError: 'none',
};

/** The entry for the web has the same functions, fewer of them. */
const webWalk = Object.fromEntries(Object.entries(walk).filter(([name]) => name in web)) as OptionWalk<
  typeof web
>;
const methods: MethodWalk<typeof dkim> = { 'createSigner.sign': 'the walk of createSigner' };
const cases = [
  ...optionCases(dkim, walk, 'MB_DKIM_OPTION'),
  ...optionCases(web, webWalk, 'MB_DKIM_OPTION'),
  ...methodCases<typeof dkim>(methods, 'MB_DKIM_OPTION'),
];
it.each(cases)('OPT-04 OPT-11 $name', ({ check }) => check());
