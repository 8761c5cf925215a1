import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { Sql } from './connection.ts';
import { OwnSites } from './own-sites.ts';
import { schemaSql } from './schema.ts';

const now = 1_000;

function openSites() {
  const db = new DatabaseSync(':memory:');
  db.exec(schemaSql);
  const sql = new Sql(db);
  const set = (name: string, settings: string) => {
    sql.run('INSERT INTO mb_site (name, ready) VALUES (?, 0) ON CONFLICT (name) DO NOTHING', name);
    sql.run(`UPDATE mb_site SET ${settings} WHERE name = ?`, name);
    own.changed(sql, name);
  };
  const own = new OwnSites();
  return { sql, own, set };
}

it('knows the sites with settings of their own, and no others', () => {
  const { sql, own, set } = openSites();
  set('suspended.test', 'suspended = 1');
  set('limited.test', `limits = '{"maxConcurrency":1}'`);
  set('paused.test', `pacing = '{"pauseReason":"operator","pausedUntil":2000}'`);
  set('resumed.test', `pacing = '{"pauseReason":"operator","pausedUntil":500}'`);
  set('throttled.test', `pacing = '{"pauseReason":"throttled","pausedUntil":2000}'`);
  const names = ['suspended', 'limited', 'paused', 'resumed', 'throttled', 'unknown'];
  expect(names.filter((name) => own.has(sql, `${name}.test`, now))).toEqual([
    'suspended',
    'limited',
    'paused',
  ]);
  set('suspended.test', 'suspended = 0');
  expect(own.has(sql, 'suspended.test', now)).toBe(false);
});

it('knows them even when there are many', () => {
  const { sql, own, set } = openSites();
  for (let n = 0; n < 600; n++) set(`d${n}.test`, 'suspended = 1');
  expect([0, 599, 600].map((n) => own.has(sql, `d${n}.test`, now))).toEqual([true, true, false]);
});

it('are found by the migration of a queue of the previous version', () => {
  const db = new DatabaseSync(':memory:');
  const [before, migration] = schemaSql.split('CREATE TABLE mb_own_site');
  db.exec(before!);
  db.exec(`INSERT INTO mb_site (name, ready, suspended) VALUES ('a.test', 0, 1), ('b.test', 0, 0);
    INSERT INTO mb_site (name, ready, limits) VALUES ('c.test', 0, '{}')`);
  db.exec(`CREATE TABLE mb_own_site${migration}`);
  expect(db.prepare('SELECT name FROM mb_own_site').all()).toEqual([{ name: 'a.test' }, { name: 'c.test' }]);
});
