import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeMessage, parseMessage, rawPart } from '@mb/mime';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { mustRun, runCommand } from '../lab/process.ts';

const folder = makeFolder('signed');
const file = (name: string, content?: Uint8Array | string) => {
  const path = join(folder, name);
  if (content !== undefined) writeFileSync(path, content);
  return path;
};
const crlf = (octets: Uint8Array) =>
  Buffer.from(Buffer.from(octets).toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1');
const compose = (part: Uint8Array) =>
  composeMessage({ from: 'ann@example.com', to: 'bob@example.net', subject: 'signed é', part }).bytes();

/** What is signed, with a line that readers like to change: blanks at its end. */
const content = crlf(
  Buffer.from(
    'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nDear B=C3=B6b,\n\n-- =\n\nFrom here \n',
  ),
);

describe('signed and encrypted messages', () => {
  const certificate = file('certificate.pem');
  const key = file('key.pem');

  beforeAll(async () => {
    await ensureDebianPackages(['openssl', 'gpg', 'gpg-agent']);
    chmodSync(folder, 0o700); // gpg refuses a home that others can read
    await mustRun('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=Ann/emailAddress=ann@example.com'],
      ...['-days', '30', '-keyout', key, '-out', certificate],
    ]);
    await gpg('--quick-generate-key', 'Ann <ann@example.com>', 'ed25519', 'sign', 'never');
  });

  const gpg = (...args: string[]) =>
    runCommand('gpg', ['--homedir', folder, '--batch', '--yes', '--passphrase', '', ...args]);

  it('MIME-60 PARSE-11 are verified by OpenSSL, in the message and by the octets that parsing gives', async () => {
    await mustRun('openssl', [
      ...['cms', '-sign', '-binary', '-in', file('content', content), '-signer', certificate, '-inkey', key],
      ...['-out', file('signed')],
    ]);
    const bytes = await compose(crlf(readFileSync(file('signed'))));
    const verify = (name: string, octets: Uint8Array) =>
      runCommand('openssl', [
        'cms',
        '-verify',
        '-noverify',
        '-in',
        file(name, octets),
        '-out',
        file('verified'),
      ]);
    expect((await verify('message', bytes)).code).toBe(0);
    expect(crlf(readFileSync(file('verified')))).toEqual(content);
    const spoilt = Buffer.from(bytes);
    spoilt[spoilt.indexOf('From here')] = 0x66;
    expect((await verify('spoilt', spoilt)).code).not.toBe(0);

    const message = await parseMessage(bytes);
    expect([message.text, message.defects]).toEqual(['Dear Böb,\n\n-- \nFrom here\n', []]);
    const [signed, signature] = message.root.parts;
    expect(Buffer.from(rawPart(bytes, signed!).octets)).toEqual(content);
    const detached = await runCommand('openssl', [
      ...[
        'cms',
        '-verify',
        '-noverify',
        '-binary',
        '-inform',
        'DER',
        '-in',
        file('signature', signature!.content),
      ],
      ...['-content', file('octets', rawPart(bytes, signed!).octets), '-out', file('verified')],
    ]);
    expect(detached.code).toBe(0);
  });

  it('MIME-60 are decrypted by OpenSSL', async () => {
    await mustRun('openssl', [
      ...[
        'cms',
        '-encrypt',
        '-binary',
        '-aes256',
        '-in',
        file('content', content),
        '-out',
        file('encrypted'),
        certificate,
      ],
    ]);
    const bytes = await compose(crlf(readFileSync(file('encrypted'))));
    const args = ['cms', '-decrypt', '-in', file('message', bytes), '-recip', certificate, '-inkey', key];
    await mustRun('openssl', [...args, '-out', file('decrypted')]);
    expect(readFileSync(file('decrypted'))).toEqual(content);
    const { attachments } = await parseMessage(bytes);
    expect(attachments.map(({ contentType }) => contentType)).toEqual(['application/pkcs7-mime']);
  });

  it('MIME-60 PARSE-11 are verified by GnuPG', async () => {
    expect(
      (await gpg('--armor', '--detach-sign', '-o', file('signature.asc'), file('content', content))).code,
    ).toBe(0);
    const part = Buffer.concat([
      Buffer.from(
        'Content-Type: multipart/signed; micalg=pgp-sha512;\r\n protocol="application/pgp-signature"; boundary=sig\r\n\r\n--sig\r\n',
      ),
      content,
      Buffer.from('\r\n--sig\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\n'),
      crlf(readFileSync(file('signature.asc'))),
      Buffer.from('\r\n--sig--\r\n'),
    ]);
    const bytes = await compose(part);
    const [signed, signature] = (await parseMessage(bytes)).root.parts;
    const verify = (octets: Uint8Array) =>
      gpg('--verify', file('received.asc', signature!.content), file('received', octets));
    const { octets, body } = rawPart(bytes, signed!);
    expect((await verify(octets)).code).toBe(0);
    expect((await verify(body)).code).not.toBe(0);
  });
});
