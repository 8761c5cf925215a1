import { it } from 'vitest';
import { certificateOptions } from './certificate.ts';
import { failureScopeOptions } from './dns/failure.ts';
import { dnsServerOptions } from './dns/server.ts';
import * as testkit from './index.ts';
import { brokerDoubleScript } from './mailbox/broker-double.ts';
import { mailboxOptions } from './mailbox/mailbox.ts';
import * as mutation from './mutation.ts';
import * as optionWalk from './option-walk.ts';
import { type OptionWalk, optionCases } from './option-walk.ts';
import { smtpHostOptions } from './smtp/host.ts';
import { hostAuthOptions, scriptOptions } from './smtp/script.ts';
import { idleOptions } from './virtual-clock.ts';
import { webhookReceiverOptions } from './webhook-receiver.ts';
import * as wrongTypes from './wrong-types.ts';

const clock = new testkit.VirtualClock();
const zones = { 'example.test': { records: { '@': { A: '127.0.0.1' } } } };
const script = { duringContent: { afterOctets: 1, action: 'close' } } as const;

/** Starts a server, does something with it, and ends it. */
async function briefly<Server extends AsyncDisposable>(
  started: Promise<Server>,
  use: (server: Server) => void = () => {},
) {
  await using server = await started;
  use(server);
}

const walk: OptionWalk<typeof testkit> = {
  startDnsServer: [
    {
      valid: { zones, clock },
      table: dnsServerOptions,
      // Records of names: any keys.
      opaque: ['zones', 'zones.example.test.records', 'clock'],
      call: (options: never) => briefly(testkit.startDnsServer(options)),
    },
    {
      valid: { A: '127.0.0.1' },
      table: {},
      call: (records: never) =>
        briefly(testkit.startDnsServer({ zones: { 'example.test': { records: { '@': records } } } })),
    },
    {
      valid: { type: 'A', transport: 'udp', times: 1 },
      table: failureScopeOptions,
      call: (scope: never) =>
        briefly(testkit.startDnsServer(), (server) => server.fail('example.test', 'SERVFAIL', scope)),
    },
  ],
  startWebhookReceiver: [
    {
      valid: { port: 0 },
      table: webhookReceiverOptions,
      call: (options: never) => briefly(testkit.startWebhookReceiver(options)),
    },
  ],
  createMailbox: [
    {
      valid: { script, port: 0 },
      table: mailboxOptions,
      call: (options: never) => briefly(testkit.createMailbox(options)),
    },
  ],
  createBrokerDouble: [
    {
      valid: { recipients: { 'a@example.test': { status: 'failed' } } },
      table: brokerDoubleScript,
      opaque: ['recipients'],
      call: (given: never) => testkit.createBrokerDouble(given),
    },
  ],
  startSmtpHost: [
    {
      valid: { script, auth: { mechanisms: ['PLAIN'] }, port: 0, keywords: [], clock },
      table: smtpHostOptions,
      opaque: ['clock'],
      call: (options: never) => briefly(testkit.startSmtpHost(options)),
    },
    {
      valid: script,
      table: scriptOptions,
      call: (given: never) => briefly(testkit.startSmtpHost(), (host) => host.setScript(given)),
    },
    {
      valid: { mechanisms: ['PLAIN'] },
      table: hostAuthOptions,
      call: (auth: never) => briefly(testkit.startSmtpHost({ auth })),
    },
  ],
  createCertificateAuthority: [
    {
      valid: { names: ['mx.example.test'] },
      table: certificateOptions,
      call: async (options: never) => (await testkit.createCertificateAuthority()).issue(options),
    },
  ],
  createSelfSignedCertificate: [
    {
      valid: { names: ['mx.example.test'] },
      table: certificateOptions,
      call: (options: never) => testkit.createSelfSignedCertificate(options),
    },
  ],
  VirtualClock: [
    {
      valid: { maxMs: 1 },
      table: idleOptions,
      call: (options: never) => new testkit.VirtualClock().runUntilIdle(options),
    },
  ],
  // Made by the two functions above.
  DnsServer: 'result',
  SmtpHost: 'result',
  createSeededRandom: 'none',
  inTurn: 'none',
  receivedOctets: 'none',
  sentOctets: 'none',
  reverseName: 'none',
  TestkitError: 'none',
};

// What these take is checked by the compiler: they are called by tests only.
const mutationWalk: OptionWalk<typeof mutation> = {
  makeMutationFolder: 'none',
  mutateOctets: 'result',
  mutateText: 'result',
};
const optionWalkWalk: OptionWalk<typeof optionWalk> = { optionCases: 'none', methodCases: 'none' };
const wrongTypesWalk: OptionWalk<typeof wrongTypes> = { wrongTypeCases: 'none' };

const cases = [
  ...optionCases(testkit, walk, 'MB_TESTKIT_OPTION'),
  ...optionCases(mutation, mutationWalk, 'MB_TESTKIT_OPTION'),
  ...optionCases(optionWalk, optionWalkWalk, 'MB_TESTKIT_OPTION'),
  ...optionCases(wrongTypes, wrongTypesWalk, 'MB_TESTKIT_OPTION'),
];
it.each(cases)('OPT-04 OPT-11 $name', ({ check }) => check());
