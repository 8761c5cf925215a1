import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dkimVerifiers, installDkimVerifiers } from './dkim-verifiers.ts';
import { makeFolder } from './folder.ts';
import { mustRun } from './process.ts';
import { type SignedDns, startSignedDns } from './signed-dns.ts';

// Without Date opendkim calls a message malformed.
const message = Buffer.from(
  'Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nFrom: ada@example.com\r\nTo: bob@example.org\r\n' +
    'Subject: hello\r\n\r\nOne line.\r\n',
);

describe('the DKIM verifiers of the lab', () => {
  let dns: SignedDns;
  let signed: Buffer;

  beforeAll(async () => {
    await installDkimVerifiers();
    const folder = makeFolder('dkim-key');
    await mustRun('dknewkey', ['--ktype', 'rsa', 'lab'], { cwd: folder });
    const record = readFileSync(join(folder, 'lab.dns'), 'utf8');
    const key = /p=([A-Za-z0-9+/=]+)/.exec(record)?.[1] ?? '';
    const halves = [`v=DKIM1; k=rsa; p=${key.slice(0, 200)}`, key.slice(200)];
    dns = await startSignedDns([
      { name: 'example.com', records: [`lab._domainkey TXT ${halves.map((half) => `"${half}"`).join(' ')}`] },
    ]);
    signed = Buffer.from(
      await mustRun('dkimsign', ['lab', 'example.com', join(folder, 'lab.key')], { input: message }),
    );
    expect(signed.toString()).toMatch(/^DKIM-Signature: /);
  });
  afterAll(() => dns?.stop());

  it.each(dkimVerifiers)('$name passes a good signature', async ({ verify }) => {
    expect(await verify(signed)).toEqual({ passed: true, detail: expect.anything() });
  });

  it.each(dkimVerifiers)('$name fails a changed body', async ({ verify }) => {
    const changed = Buffer.from(signed.toString().replace('One line.', 'Two lines.'));
    expect(await verify(changed)).toMatchObject({ passed: false });
  });

  it.each(dkimVerifiers)('$name fails a changed subject', async ({ verify }) => {
    const changed = Buffer.from(signed.toString().replace('hello', 'goodbye'));
    expect(await verify(changed)).toMatchObject({ passed: false });
  });

  it.each(dkimVerifiers)('$name fails a message without a signature', async ({ verify }) => {
    expect(await verify(message)).toMatchObject({ passed: false });
  });
});
