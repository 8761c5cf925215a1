import { createClient } from '@mb/server/client';
import { expect, it } from 'vitest';
import { CliError } from '../errors.ts';
import { dataOf, deletedIfAny } from './api.ts';
import { remoteQueue } from './remote-queue.ts';

const clientOf = (answer: () => Response | Error) =>
  createClient({
    url: 'https://mail.example.com',
    token: 'mb_x',
    fetch: async () => {
      const given = answer();
      if (given instanceof Error) throw given;
      return given;
    },
  });

const refused = (message: string) =>
  expect.objectContaining({ code: 'MB_CLI_SERVER', message: expect.stringContaining(message) });

it('CLI-82 an answer of a proxy without a body is a refusal of the server', async () => {
  const client = clientOf(() => new Response(null, { status: 502, headers: { 'content-length': '0' } }));
  await expect(dataOf(client.GET('/v1/health'))).rejects.toEqual(refused('502'));
  await expect(dataOf(client.GET('/v1/health'))).rejects.toSatisfy(CliError.isInstance);
  const { control, suppressions } = remoteQueue(client);
  await expect(suppressions.lift(['bob@example.org'])).rejects.toEqual(refused('502'));
  await expect(control.content('1')[Symbol.asyncIterator]().next()).rejects.toEqual(refused('502'));
});

it('CLI-83 every request says that the server cannot be reached', async () => {
  const client = clientOf(() => new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') }));
  const { control, suppressions, stats } = remoteQueue(client);
  const wanted = refused('cannot be reached: connect ECONNREFUSED.');
  await expect(stats()).rejects.toEqual(wanted);
  await expect(suppressions.lift(['bob@example.org'])).rejects.toEqual(wanted);
  await expect(control.content('1')[Symbol.asyncIterator]().next()).rejects.toEqual(wanted);
  await expect(control.show('1')).rejects.toEqual(wanted);
});

it('tells what is gone from what is deleted', async () => {
  const params = { path: { id: '0123456789abcdef' } };
  const answering = (status: number) => clientOf(() => new Response(null, { status }));
  expect(await deletedIfAny(answering(204).DELETE('/v1/keys/{id}', { params }))).toBe(true);
  expect(await deletedIfAny(answering(404).DELETE('/v1/keys/{id}', { params }))).toBe(false);
});
