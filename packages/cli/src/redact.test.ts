import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { redact } from './redact.ts';

it('SAFE-17 takes keys, passwords in URLs and long base64 out of what is shown', () => {
  for (const type of ['ed25519', 'rsa'] as const) {
    const options = type === 'rsa' ? { modulusLength: 2048 } : {};
    const { privateKey } = generateKeyPairSync(type as 'rsa', options as { modulusLength: number });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const secret = pem.split('\n')[1]!.slice(8, 40);
    for (const text of [
      pem,
      pem.replaceAll('\n', ' '),
      pem.replaceAll('\n', '\\n'),
      pem.split('\n').slice(0, -2).join('\n'),
    ]) {
      expect(redact(`--dkim-key: cannot read ${text}: there is no such file.`)).not.toContain(secret);
    }
  }
  const line = randomBytes(48).toString('base64').replaceAll('/', '+');
  for (const key of [line, `/${line}`, `${line.slice(0, 30)}/${line.slice(30)}`]) {
    expect(redact(`error: unknown argument ${key}`)).not.toContain(line.slice(0, 20));
  }
  expect(redact('postgres://ann:sesame@db.example.com/mail smtp://u:p%40w@h')).not.toMatch(/sesame|p%40w/);
});

it('leaves paths, addresses and sentences as they are', () => {
  for (const text of [
    '--eml: cannot read /home/ann/Mail/Archive2026/September/Letters/From/The/Bank/letter1.eml: there is no such file.',
    '--eml: cannot read /home/ann/Mail/Archive2026/September/Letters/From/The/Bank: it is a folder.',
    'bob@example.org said: 550 5.1.1 No such user (https://example.org/help)',
    'postgres://db.example.com:5432/mail',
  ]) {
    expect(redact(text)).toBe(text);
  }
});
