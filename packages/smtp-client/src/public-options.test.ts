import { type MethodWalk, methodCases, type OptionWalk, optionCases } from '@mb/testkit/option-walk';
import { describe, expect, it } from 'vitest';
import { deliverOptions } from './client.ts';
import * as client from './index.ts';
import { authOptions, connectOptions, tlsOptions } from './io/connect-options.ts';
import * as proxy from './io/proxy.ts';
import * as protocol from './protocol/index.ts';
import { factOptions } from './protocol/session/host-experience.ts';
import { limitOptions } from './protocol/session/limits.ts';
import { sessionOptions } from './protocol/session/session-options.ts';
import { timeoutOptions } from './protocol/session/timeouts.ts';

const hostname = 'client.example.org';
const refused = () => Promise.reject(new Error('not dialled'));
const base = { host: 'mx.example.test', hostname, addresses: ['192.0.2.1'], openSocket: refused };
const full = {
  ...base,
  port: 25,
  localAddress: '192.0.2.2',
  protocol: 'smtp',
  tls: { level: 'opportunistic', implicit: false, minVersion: 'TLSv1.2', alsoNames: [], ca: 'x' },
  auth: { user: 'tim', password: 'x', insecure: true, mechanisms: ['PLAIN'] },
  pipelining: 'off',
  chunking: false,
  experience: new client.HostExperience(),
  timeouts: { connectMs: 1000 },
  limits: { replyLines: 10 },
} as const;
const facts = { window: 2, cleanRun: 1, messagesPerSession: 3, recipientsPerTransaction: 4, endedAfter: 2 };
const connectWith = (more: object) => client.connect({ ...base, ...more });

/** A connection whose server never says a word; `deliver` refuses wrong options before anything is written. */
function session(more: object): protocol.SmtpSession {
  return new protocol.SmtpSession({ hostname, ...more }, 0);
}

// User and password go together, so neither may be undefined alone.
const { user: _user, password: _password, ...authTable } = authOptions;

const clientWalk: OptionWalk<typeof client> = {
  connect: [
    { valid: full, table: connectOptions, call: (options: never) => client.connect(options) },
    { valid: { level: 'none' }, table: tlsOptions, call: (tls: never) => connectWith({ tls }) },
    { valid: full.auth, table: authTable, call: (auth: never) => connectWith({ auth }) },
    { valid: { mailMs: 1 }, table: timeoutOptions, call: (timeouts: never) => connectWith({ timeouts }) },
    { valid: { replyLines: 1 }, table: limitOptions, call: (limits: never) => connectWith({ limits }) },
  ],
  HostExperience: [
    { valid: facts, table: factOptions, call: (given: never) => new client.HostExperience(given) },
  ],
  checkAuth: [{ valid: full.auth, table: authTable, call: (auth: never) => client.checkAuth(auth, 'auth') }],
  openTcp: 'result',
  SmtpError: 'none',
};

const protocolWalk: OptionWalk<typeof protocol> = {
  SmtpSession: [
    {
      valid: {
        hostname,
        implicitTls: { verified: true, description: 'TLSv1.3' },
        timeouts: { mailMs: 1 },
        limits: { replyLines: 1 },
      },
      table: sessionOptions,
      call: (options: never) => new protocol.SmtpSession(options, 0),
    },
  ],
  HostExperience: clientWalk.HostExperience,
  SmtpError: 'none',
  DotStuffer: 'none',
  ReplyParser: 'none',
  encodeUtf8Address: 'none',
  encodeXtext: 'none',
  parseCapabilities: 'result',
  parseMailbox: 'none',
  scanContent: 'none',
};

const methods: MethodWalk<typeof client> = {
  'connect.deliver': 'deliver, below',
  'connect.handle': 'internal',
  'connect.experience.offered': 'internal',
  'HostExperience.offered': 'internal',
};

it.each([
  ...optionCases(client, clientWalk, 'MB_SMTP_OPTION'),
  ...optionCases(protocol, protocolWalk, 'MB_SMTP_OPTION'),
  ...optionCases(proxy, { proxySocket: 'none' }, 'MB_SMTP_OPTION'),
  ...methodCases<typeof client>(methods, 'MB_SMTP_OPTION'),
])('OPT-04 OPT-11 $name', ({ check }) => check());

const wrongValues = [
  undefined,
  null,
  true,
  0,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  10n,
  '',
  'text',
  Symbol('x'),
  () => 0,
  [],
  [null],
  {},
  { lines: 5 },
  { length: 1e9 },
  new Date(Number.NaN),
  new Map(),
  new ArrayBuffer(8),
  new Uint8Array(2),
  new DataView(new ArrayBuffer(8)),
];

/** A value as the title of a test. */
const titled = wrongValues.map((value) => [Object.prototype.toString.call(value), value] as const);

describe('arguments of every type', () => {
  const calls: Readonly<Record<string, (value: never) => unknown>> = {
    parseMailbox: (value) => protocol.parseMailbox(value),
    parseCapabilities: (value) => protocol.parseCapabilities(value),
    scanContent: (value) => protocol.scanContent(value),
    encodeXtext: (value) => protocol.encodeXtext(value),
    encodeUtf8Address: (value) => protocol.encodeUtf8Address(value),
    'new ReplyParser': (value) => new protocol.ReplyParser(value),
    'ReplyParser.push': (value) => {
      const parser = new protocol.ReplyParser(protocol.defaultLimits);
      parser.push(value);
      return parser.next();
    },
    'new SmtpSession': (value) => new protocol.SmtpSession(value, 0),
    'SmtpSession: hostname': (value) => session({ hostname: value }),
    'SmtpSession: experience': (value) => session({ experience: value }),
    'SmtpSession.receive': (value) => session({}).receive(value, 0),
    'SmtpSession.submit: envelope': (value) => session({}).submit(value),
    'SmtpSession.submit: from': (value) => session({}).submit({ from: value, to: ['b@example.com'] }),
    'SmtpSession.submit: to': (value) => session({}).submit({ from: '', to: value }),
    'SmtpSession.submit: recipient': (value) => session({}).submit({ from: '', to: [value] }),
    'SmtpSession.submit: content': (value) => session({}).submit({ from: '', to: ['b@example.com'] }, value),
    ...Object.fromEntries(
      ['size', 'smtputf8', 'body', 'ret', 'envid', 'requireTls'].map((key) => [
        `SmtpSession.submit: ${key}`,
        (value: never) => session({}).submit({ from: '', to: ['b@example.com'], [key]: value }),
      ]),
    ),
    'new HostExperience': (value) => new client.HostExperience(value),
    connect: (value) => client.connect(value),
    ...Object.fromEntries(
      Object.keys(connectOptions).map((key) => [
        `connect: ${key}`,
        (value: never) =>
          connectWith({ openSocket: refused, [key]: value, clock: key === 'clock' ? value : undefined }),
      ]),
    ),
  };
  for (const [name, call] of Object.entries(calls)) {
    it(`OPT-06 ${name} takes a value or throws an error of this package, in time`, {
      timeout: 5000,
    }, async () => {
      for (const [title, value] of titled) {
        try {
          await call(value as never);
        } catch (error) {
          if (!client.SmtpError.isInstance(error)) throw new Error(`${title}: ${error}`);
          expect(error.code, title).not.toBe('MB_SMTP_INTERNAL');
        }
      }
    });
  }
});

describe('deliver', () => {
  it('OPT-04 has a row for each option', () => {
    expect(Object.keys(deliverOptions)).toEqual(['signal', 'sevenBitContent']);
  });
});
