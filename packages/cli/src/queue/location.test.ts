import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { StoreLocation } from './location.ts';

it('is a file unless it is a URL', () => {
  for (const path of ['queue.db', './a/b.db', '/var/lib/mb/queue.db', 'C:\\mail\\queue.db', 'postgres']) {
    const location = StoreLocation.parse(path);
    expect([location.kind, location.path, String(location)]).toEqual(['sqlite', path, path]);
  }
});

it('shows what names a database, and no password however it is printed', () => {
  for (const url of [
    'postgres://ann:sesame@db.example.com:6432/mail?schema=news&sslmode=require',
    'postgresql://ann@db.example.com:6432/mail?password=sesame&schema=news',
    'POSTGRES://ann:ses%61me@db.example.com:6432/mail?schema=news',
  ]) {
    const location = StoreLocation.parse(url);
    const shown = 'postgres://ann@db.example.com:6432/mail?schema=news';
    expect([location.kind, `${location}`, location.identity, location.hasPassword]).toEqual([
      'postgres',
      shown,
      shown,
      true,
    ]);
    expect(JSON.stringify({ location })).toBe(JSON.stringify({ location: shown }));
    expect(inspect(location, { showHidden: true, depth: null })).not.toMatch(/ses(a|%61)me/);
    const { connectionString, schema } = location.connection;
    expect([schema, new URL(connectionString).searchParams.has('schema')]).toEqual(['news', false]);
    expect(connectionString).toMatch(/ses(a|%61)me/);
  }
  expect(StoreLocation.parse('postgres:///mail').hasPassword).toBe(false);
});

it('refuses other URLs without repeating them', () => {
  for (const url of ['mysql://ann:sesame@db/mail', 'postgres://ann:sesame@[db', 'redis://sesame']) {
    expect(() => StoreLocation.parse(url)).toThrow(expect.objectContaining({ code: 'MB_CLI_USAGE' }));
    expect(() => StoreLocation.parse(url)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('sesame') }),
    );
  }
});
