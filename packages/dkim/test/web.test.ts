/** The build of `@mb/dkim/web`, run where there is nothing of Node, beside the code for Node. */
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as node from '../src/index.ts';
import type * as Web from '../src/web/index.ts';
import { canonicalizations, ed25519, resolverOf, resolveTxt, rsa, zone } from './fixtures.ts';

const run = promisify(execFile);
let folder: string;
let code: string;
let web: typeof Web;

/** What browsers, workers and edge runtimes have in common. */
const platform = {
  Uint8Array,
  ArrayBuffer,
  TextEncoder,
  TextDecoder,
  URL,
  atob,
  btoa,
  crypto,
  setTimeout,
  clearTimeout,
  AbortSignal,
  WebAssembly: (globalThis as { WebAssembly?: object }).WebAssembly,
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dkim-web-'));
  // A build, of another format and into another folder, without what follows one.
  const args = ['--format', 'iife', '--global-name', 'dkim', '--out-dir', folder, '--onSuccess', 'true'];
  await run('tsup', [...args, '--silent'], { cwd: join(import.meta.dirname, '..') });
  code = await readFile(join(folder, 'web.global.js'), 'utf8');
  web = runInContext(`${code}; dkim`, createContext({ ...platform }));
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

it('WEB-07 loads nothing, and runs in a context without the globals of Node', () => {
  expect(/\brequire\(|\bimport\(|from "node:/.exec(code)?.[0]).toBe(undefined);
  expect(web.verifyMessage).toBeTypeOf('function');
});

const vectors = (name: string) => new URL(`vectors/${name}`, import.meta.url);
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
const text =
  'From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: Grüße \t x\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\n';
const message = Buffer.from(`${text}Hello  there \r\n\r\nBye\r\n\r\n\r\n`);
const keys = [
  ['RSA', { domain: 'example.com', selector: 'rsa', privateKey: rsa.privateKey }],
  ['Ed25519', { domain: 'example.com', selector: 'ed', privateKey: ed25519.privateKey }],
] as const;
const now = () => 1_770_000_000_000;

describe('verify', () => {
  it.each(['rfc6376-a.eml', 'rfc8463-a.eml'])(
    'WEB-01 gives the result of Node for the example %s',
    async (file) => {
      const records = JSON.parse(await readFile(vectors('rfc-keys.json'), 'utf8'));
      const resolve = resolverOf(records);
      const octets = await readFile(vectors(file));
      const found = await web.verifyMessage(octets, { resolveTxt: resolve, now });
      expect(plain(found)).toEqual(plain(await node.verifyMessage(octets, { resolveTxt: resolve, now })));
      expect(found.status).toBe('pass');
    },
  );

  it.each(keys)('WEB-01 tells a changed header, a changed body and a wrong key: %s', async (_, key) => {
    const signed = Buffer.from(node.prependFields(await node.signMessage(message, key), message));
    const other = { ...zone, [rsa.dnsName]: zone[ed25519.dnsName]!, [ed25519.dnsName]: zone[rsa.dnsName]! };
    const cases = [
      [signed, resolveTxt, 'pass'],
      [Buffer.from(signed.toString().replace('Bye', 'bye')), resolveTxt, 'fail'],
      [Buffer.from(signed.toString().replace('Ann', 'Eve')), resolveTxt, 'fail'],
      [signed, resolverOf(other), 'permerror'],
      [signed, resolverOf({}), 'permerror'],
      [message, resolveTxt, 'none'],
    ] as const;
    for (const [octets, resolve, status] of cases) {
      const found = await web.verifyMessage(octets, { resolveTxt: resolve, now });
      expect(found.status).toBe(status);
      expect(plain(found)).toEqual(plain(await node.verifyMessage(octets, { resolveTxt: resolve, now })));
    }
  });

  it('WEB-01 reads RSAPublicKey, and refuses damaged and short keys as Node does', async () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 512 }).publicKey;
    const pkcs1 = node.parseKeyRecord(zone[rsa.dnsName]!).publicKey.subarray(24);
    const records = [
      `v=DKIM1; p=${Buffer.from(pkcs1).toString('base64')}`,
      `v=DKIM1; p=${short.export({ format: 'der', type: 'spki' }).toString('base64')}`,
      'v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GN',
      'v=DKIM1; k=ed25519; p=AAAA',
      'v=DKIM1; p=',
      'v=DKIM1; p=*',
    ];
    const signed = node.prependFields(await node.signMessage(message, keys[0][1]), message);
    for (const record of records) {
      const resolve = resolverOf({ [rsa.dnsName]: record });
      const found = await web.verifyMessage(signed, { resolveTxt: resolve, now });
      expect(plain(found)).toEqual(plain(await node.verifyMessage(signed, { resolveTxt: resolve, now })));
    }
  });
});

describe('sign', () => {
  it.each(keys)('WEB-02 signs what Node verifies, in every canonicalization: %s', async (_, key) => {
    for (const canonicalization of canonicalizations) {
      const options = { ...key, canonicalization, timestamp: false } as const;
      const field = await web.signMessage(message, options);
      // Both algorithms are deterministic: the same octets as by node:crypto.
      expect(field).toBe(await node.signMessage(message, options));
      const { status } = await node.verifyMessage(web.prependFields(field, message), { resolveTxt });
      expect(status).toBe('pass');
    }
  });

  it('WEB-02 takes keys as PKCS #8, PKCS #1, DER, seed and function, and signs a stream octet by octet', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
    const crypto = globalThis.crypto.subtle;
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    const cryptoKey = await crypto.importKey('pkcs8', der, algorithm, false, ['sign']);
    const external = {
      algorithm: 'rsa-sha256',
      sign: async (data: Uint8Array<ArrayBuffer>) =>
        new Uint8Array(await crypto.sign(algorithm, cryptoKey, data)),
    };
    const forms = [
      pair.privateKey.export({ format: 'pem', type: 'pkcs8' }),
      pair.privateKey.export({ format: 'pem', type: 'pkcs1' }),
      der,
      pair.privateKey.export({ format: 'der', type: 'pkcs1' }),
      external,
    ];
    const fields = new Set<string>();
    for (const privateKey of forms) {
      async function* octets() {
        for (const octet of message) yield Uint8Array.of(octet);
      }
      const options = {
        domain: 'example.com',
        selector: 's',
        privateKey,
        timestamp: false,
      } as node.SignOptions;
      fields.add(await web.signMessage(octets(), options));
    }
    expect(fields.size).toBe(1);
    const seed = new Uint8Array(32).fill(7);
    const options = { domain: 'example.com', selector: 's', privateKey: seed, timestamp: false };
    expect(await web.signMessage(message, options)).toBe(await node.signMessage(message, options));
  });

  it('WEB-03 WEB-05 has the errors and limits of Node', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey;
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const pem = (key: typeof weak) => key.export({ format: 'pem', type: 'pkcs8' }) as string;
    const base = { domain: 'example.com', selector: 's' };
    for (const privateKey of [
      pem(weak),
      pem(ec),
      'nothing',
      rsa.privateKey.slice(0, 200),
      zone[rsa.dnsName]!,
    ]) {
      const code = (sign: typeof node.signMessage) =>
        sign(message, { ...base, privateKey }).then(
          () => 'signed',
          (error) => error.code,
        );
      expect(await code(web.signMessage as never)).toBe(await code(node.signMessage));
    }
    for (const domain of ['é@b.example', 'müller-und-söhne/x.example', 'é:80.example', '２０２６.example']) {
      const make =
        ({ createSigner }: Pick<typeof node, 'createSigner'>) =>
        () =>
          createSigner({ ...base, privateKey: rsa.privateKey, domain });
      expect(make(node), domain).toThrow(expect.objectContaining({ code: 'MB_DKIM_OPTION' }));
      expect(make(web as never), domain).toThrow(expect.objectContaining({ code: 'MB_DKIM_OPTION' }));
    }
    await expect(web.signMessage(message, keys[0][1], { maxHeaderBytes: 20 })).rejects.toMatchObject({
      code: 'MB_DKIM_HEADER_TOO_LARGE',
    });
    expect(
      web.createSigner({ ...base, privateKey: rsa.privateKey, domain: 'bücher.example' }).warnings,
    ).toEqual([]);
  });

  it('WEB-04 WEB-06 hashes a body of several mebibytes, seals and verifies ARC', async () => {
    const large = Buffer.concat([Buffer.from(text), Buffer.alloc(3 << 20, 'line of text\r\n')]);
    const field = await web.signMessage(large, { ...keys[1][1], timestamp: false });
    expect(field).toBe(await node.signMessage(large, { ...keys[1][1], timestamp: false }));
    const seal = {
      signature: { ...keys[0][1], timestamp: false },
      authservId: 'mx.example.com',
      results: [{ method: 'spf', result: 'pass', properties: [] }],
    } as const;
    const { fields } = await web.sealMessage(message, { ...seal, verification: { resolveTxt } });
    expect(fields).toBe((await node.sealMessage(message, { ...seal, verification: { resolveTxt } })).fields);
    const octets = web.prependFields(fields, message);
    expect(plain(await web.verifyArc(octets, { resolveTxt }))).toEqual(
      plain(await node.verifyArc(octets, { resolveTxt })),
    );
  });
});
