import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import type { Reply } from '@mb/smtp-client';
import { expect, it } from 'vitest';
import { googleTokenUrl, microsoftTokenUrl, oauth2Credentials } from './oauth2.ts';

const user = 'shop@example.com';
const refused = {} as Reply;

it('RLY-04 RLY-13 asks a token endpoint with the refresh token, and uses the token until shortly before it expires', async () => {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push(body);
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        access_token: `t${asked.length}`,
        expires_in: 3600,
        refresh_token: `r${asked.length}`,
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    let now = 0;
    const kept: string[] = [];
    const credentials = oauth2Credentials({
      user,
      tokenUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
      clientId: 'c',
      clientSecret: 's',
      refreshToken: 'r0',
      onRefreshToken: (token) => kept.push(token),
      now: () => now,
    });
    expect(await credentials({})).toEqual({ user, accessToken: 't1' });
    now = 3_539_000;
    expect(await credentials({})).toEqual({ user, accessToken: 't1' });
    now = 3_541_000;
    expect(await credentials({})).toEqual({ user, accessToken: 't2' });
    expect(asked).toEqual([
      'grant_type=refresh_token&refresh_token=r0&client_id=c&client_secret=s',
      'grant_type=refresh_token&refresh_token=r1&client_id=c&client_secret=s',
    ]);
    expect(kept).toEqual(['r1', 'r2']);
  } finally {
    server.close();
  }
});

it('RLY-05 asks once for 50 callers at the same time', async () => {
  let count = 0;
  const credentials = oauth2Credentials({
    user,
    token: async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { accessToken: `t${++count}` };
    },
  });
  const all = await Promise.all(Array.from({ length: 50 }, () => credentials({})));
  expect(new Set(all.map((one) => 'accessToken' in one && one.accessToken))).toEqual(new Set(['t1']));
  await Promise.all(Array.from({ length: 50 }, () => credentials({ refused })));
  expect(count).toBe(2);
});

it('RLY-06 RLY-15 says why there is no token, without a secret, and asks again the next time', async () => {
  const answers = [
    () => Promise.reject(new Error('offline')),
    () => Response.json({ error: 'invalid_grant', error_description: 'secret things' }, { status: 400 }),
    () => Response.json({ access_token: 'ok' }),
  ];
  const credentials = oauth2Credentials({
    user,
    tokenUrl: googleTokenUrl,
    clientId: 'c',
    clientSecret: 'secret',
    fetch: (async () => answers.shift()!()) as typeof fetch,
  });
  await expect(credentials({})).rejects.toMatchObject({ code: 'MB_BROKER_TOKEN_FAILED', retryable: true });
  const error = await Promise.resolve(credentials({})).catch((thrown: Error) => thrown);
  expect((error as Error).message).toContain('The token endpoint answered 400: invalid_grant.');
  expect(inspect(error, { depth: 9 })).not.toContain('secret');
  expect(await credentials({})).toMatchObject({ accessToken: 'ok' });
});

it('RLY-07 knows the endpoints of Google and Microsoft, and takes no other than https', () => {
  expect(googleTokenUrl).toMatch(/^https:\/\/oauth2\.googleapis\.com\//);
  expect(microsoftTokenUrl('example.com')).toBe(
    'https://login.microsoftonline.com/example.com/oauth2/v2.0/token',
  );
  for (const options of [
    { user },
    { user, tokenUrl: 'http://example.com/token' },
    { user, token: () => ({ accessToken: 'x' }), tokenUrl: googleTokenUrl },
  ]) {
    expect(() => oauth2Credentials(options)).toThrow(expect.objectContaining({ code: 'MB_BROKER_OPTION' }));
  }
});
