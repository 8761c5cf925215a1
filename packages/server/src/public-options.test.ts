import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MailBroker, MemoryStore } from '@mb/broker';
import { createSelfSignedCertificate } from '@mb/testkit';
import { type MethodWalk, methodCases, type OptionWalk, optionCases } from '@mb/testkit/option-walk';
import { expect, it } from 'vitest';
import * as client from './client/client.ts';
import { clientOptions } from './client/client.ts';
import { inboundOptions } from './inbound/options.ts';
import * as server from './index.ts';
import * as tlsResults from './reports/tls-recorder.ts';
import { closeOptions, listenOptions, type ServerOptions, serverOptions } from './server.ts';
import { submissionOptions } from './submission/options.ts';

const broker = new MailBroker({ hostname: 'mail.test', store: new MemoryStore() });
const hostname = 'mail.test';
const { key, cert } = await createSelfSignedCertificate({ names: [hostname] });

/** Listens with a new server, and ends it. */
async function briefly(listen: (made: server.MailServer) => Promise<unknown>): Promise<void> {
  await using made = server.createServer({ broker });
  await listen(made);
}

const path = join(mkdtempSync(join(tmpdir(), 'mb-socket-')), 'smtp');
// Without a path it would listen on port 25.
const { path: _path, ...localTable } = submissionOptions.local;

const walk: OptionWalk<typeof server> = {
  createServer: [
    {
      valid: { broker, maxInFlight: 5 },
      table: serverOptions,
      call: (options: never) => server.createServer(options),
    },
    {
      valid: { port: 0 },
      table: listenOptions,
      call: (options: never) => briefly((made) => made.listen(options)),
    },
    {
      valid: { graceMs: 0 },
      table: closeOptions,
      call: (options: never) => briefly((made) => made.close(options)),
    },
    {
      valid: { security: 'starttls', hostname, port: 0, tls: { key, cert } },
      table: submissionOptions.secure,
      call: (options: never) => briefly((made) => made.listenSubmission(options)),
    },
    {
      valid: { domains: ['bounces.test'], hostname, port: 0, tls: { key, cert } },
      table: inboundOptions,
      call: (options: never) => briefly((made) => made.listenInbound(options)),
    },
    {
      valid: { security: 'local', hostname, path },
      table: localTable,
      call: (options: never) => briefly((made) => made.listenSubmission(options)),
    },
  ],
  // Made by createServer().
  ApiKeys: 'none',
  ServerError: 'none',
};

const clientWalk: OptionWalk<typeof client> = {
  createClient: [
    {
      valid: { url: 'https://mail.test', token: 'mb_x' },
      table: clientOptions,
      call: (options: never) => client.createClient(options),
    },
  ],
};

const tlsResultsWalk: OptionWalk<typeof tlsResults> = {
  recordTlsResults: [
    {
      valid: { broker },
      table: tlsResults.tlsRecorderOptions,
      call: (options: never) => tlsResults.recordTlsResults(options).stop(),
    },
  ],
};

const ofCreateServer = 'the walk of createServer';
const keyMethods = {
  // Its options are what the API takes, and it answers as the API does.
  create: 'a test of its own, below',
  list: [{ valid: {}, table: {}, call: (page: never) => briefly((made) => made.keys.list(page)) }],
} as const;
const methods: MethodWalk<typeof server> = {
  'createServer.listen': ofCreateServer,
  'createServer.listenSubmission': ofCreateServer,
  'createServer.listenInbound': ofCreateServer,
  'createServer.close': ofCreateServer,
  'createServer.keys.create': keyMethods.create,
  'createServer.keys.list': keyMethods.list,
  'ApiKeys.create': keyMethods.create,
  'ApiKeys.list': keyMethods.list,
};

const cases = [
  ...optionCases(server, walk, 'MB_SERVER_OPTION'),
  ...optionCases(client, clientWalk, 'MB_SERVER_OPTION'),
  ...optionCases(tlsResults, tlsResultsWalk, 'MB_SERVER_OPTION'),
  ...methodCases<typeof server>(methods, 'MB_BROKER_OPTION'),
];
it.each(cases)('OPT-04 OPT-11 $name', ({ check }) => check());

it.each([
  ['a broker that is an empty object', { broker: {} }, 'options.broker must be an object with the methods'],
  ['a size in megabytes', { broker, maxMessageBytes: 64 }, 'maxMessageBytes must be an integer from 1024'],
  ['a number as text', { broker, maxInFlight: '5' }, 'maxInFlight must be an integer'],
  ['a callback that is none', { broker, onError: console }, 'onError must be a function'],
  ['a misspelt key', { broker, maxMesageBytes: 5000 }, 'did you mean "maxMessageBytes"?'],
  ['nothing', undefined, 'options.broker is missing'],
])('OPT-02 createServer refuses %s', (_, given, message) => {
  expect(() => server.createServer(given as unknown as ServerOptions)).toThrow(
    expect.objectContaining({ code: 'MB_SERVER_OPTION', message: expect.stringContaining(message) }),
  );
});

const refusedListeners: readonly (readonly [string, unknown, string])[] = [
  ['no port', { host: '127.0.0.1' }, 'listen: options.port is missing'],
  ['a port as text', { port: '8025' }, 'options.port must be an integer from 0 to 65535'],
  ['a URL as host', { port: 0, host: 'http://127.0.0.1' }, 'options.host must be a host name'],
  ['an empty host, which would be every address', { port: 0, host: '' }, 'not an empty string'],
];
it.each(refusedListeners)('SAFE-36 SAFE-78 listen refuses %s', async (_, given, message) => {
  await expect(briefly((made) => made.listen(given as never))).rejects.toMatchObject({
    code: 'MB_SERVER_OPTION',
    message: expect.stringContaining(message),
  });
});

const secure = { security: 'starttls', hostname, port: 0, tls: { key, cert } };
const refusedSubmissions: readonly (readonly [string, unknown, string])[] = [
  ['nothing', undefined, 'must be an object'],
  ['no kind of security', { hostname }, 'options.security must be one of "starttls", "tls", "local"'],
  ['a kind that is none', { hostname, security: 'none' }, 'options.security must be one of'],
  ['a host name with a line break', { ...secure, hostname: 'a\r\n220 b' }, 'hostname must be a host name'],
  [
    'the name of a file as key',
    { ...secure, tls: { key: '/etc/key.pem', cert } },
    'tls.key must be a text or octets in PEM',
  ],
  [
    'key and certificate exchanged',
    { ...secure, tls: { key: cert, cert: key } },
    'tls: key and cert must be',
  ],
  ['a certificate where no TLS is spoken', { ...secure, security: 'local' }, 'has no key "tls"'],
  ['a tenant where keys say it', { ...secure, tenant: 'shop' }, 'has no key "tenant"'],
  ['an empty tenant', { security: 'local', hostname, tenant: '' }, 'options.tenant must be a name'],
  [
    'no sender domain',
    { security: 'local', hostname, senderDomains: [] },
    'senderDomains must be an array of at least 1',
  ],
  [
    'an address as sender domain',
    { security: 'local', hostname, senderDomains: ['a@b.test'] },
    'senderDomains[0] must be a domain',
  ],
  [
    'a list of domains in one text',
    { security: 'local', hostname, senderDomains: ['a.test,b.test'] },
    'senderDomains[0] must be a domain',
  ],
  ['a time in seconds', { ...secure, idleMs: 300 }, 'idleMs must be an integer from 1000'],
  ['an empty path', { security: 'local', hostname, path: '' }, 'options.path must be the path of a socket'],
  ['an open relay', { security: 'local', hostname, host: '0.0.0.0', port: 0 }, 'anyone could send'],
];
it.each(refusedSubmissions)('SAFE-37 listenSubmission refuses %s', async (_, given, message) => {
  const error = await briefly((made) => made.listenSubmission(given as never)).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'MB_SERVER_OPTION', message: expect.stringContaining(message) });
  expect(error.message).not.toContain('PRIVATE KEY');
});

it.each([
  [{ url: 'mail.test', token: 'x' }, 'options.url must be a URL'],
  [{ url: 'https://user:secret@mail.test', token: 'x' }, 'options.url must be a URL'],
  [{ url: new URL('https://mail.test'), token: 'x' }, 'options.url must be a URL'],
  [{ url: 'https://mail.test', token: '' }, 'options.token must be a token'],
  [{ url: 'https://mail.test', token: 'a\nb' }, 'options.token must be a token'],
  [{ url: 'https://mail.test', token: 'x', fetch: 5 }, 'options.fetch must be a function'],
])('OPT-02 createClient refuses %s', (given, message) => {
  const call = () => client.createClient(given as unknown as client.ClientOptions);
  expect(call).toThrow(message);
  expect(call).not.toThrow('secret');
});

it('OPT-04 ApiKeys.create refuses an unknown key', async () => {
  const given = { name: 'shop', scopes: ['send'], tennant: 'shop' };
  await expect(briefly((made) => made.keys.create(given as never))).rejects.toMatchObject({
    code: 'MB_SERVER_KEY',
    message: expect.stringContaining('tennant'),
  });
});
