import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemServers } from './system-servers.ts';

let folder: string;
let now = 0;
const clock = { now: () => now, setTimer: () => () => {} };
const path = () => join(folder, 'resolv.conf');
const write = (text: string) => {
  writeFileSync(`${path()}.new`, text);
  renameSync(`${path()}.new`, path());
};
const labels = (servers: SystemServers) => servers.current().servers.map(({ label }) => label);
const later = () => {
  now += 1_500;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'resolv-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('DNS-07 reads resolv.conf again when it has changed', () => {
  write('nameserver 192.0.2.1\n');
  const servers = new SystemServers(path(), undefined, clock);
  expect(labels(servers)).toEqual(['192.0.2.1:53']);
  write('nameserver 192.0.2.2\noptions trust-ad\n');
  later();
  expect(labels(servers)).toEqual(['192.0.2.2:53']);
  expect(servers.current().exchangeServers[0]?.trusted).toBe(true);
  const second = servers.current();
  later();
  expect(servers.current()).toBe(second);
});

it('DNS-94 looks at resolv.conf once a second at most', () => {
  write('nameserver 192.0.2.1\n');
  const servers = new SystemServers(path(), undefined, clock);
  const first = servers.current();
  write('nameserver 192.0.2.2\n');
  expect(servers.current()).toBe(first);
  later();
  expect(servers.current()).not.toBe(first);
});

it('DNS-74 keeps what it has while the file is missing or wrong, and follows a link to another file', () => {
  write('nameserver 192.0.2.1\n');
  const servers = new SystemServers(path(), undefined, clock);
  unlinkSync(path());
  later();
  expect(labels(servers)).toEqual(['192.0.2.1:53']);
  write('nameserver nonsense\n');
  later();
  expect(labels(servers)).toEqual(['192.0.2.1:53']);
  writeFileSync(join(folder, 'other'), 'nameserver 192.0.2.3\n');
  unlinkSync(path());
  symlinkSync('other', path());
  later();
  expect(labels(servers)).toEqual(['192.0.2.3:53']);
});
