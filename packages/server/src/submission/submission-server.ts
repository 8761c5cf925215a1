import type { AddressInfo } from 'node:net';
import type { EnqueueOptions, Notify, RecipientDelivery } from '@mb/broker';
import { parseMailbox, wireAddress } from '@mb/mime';
import {
  SMTPServer,
  type SMTPServerAddress,
  type SMTPServerDataStream,
  type SMTPServerSession,
} from 'smtp-server';
import type { Access } from '../access.ts';
import type { ApiKey } from '../api-keys.ts';
import type { ServedBroker } from '../current-broker.ts';
import type { CheckedSubmissionOptions, TlsCertificate } from './options.ts';
import { replyOf, SubmissionReply } from './reply.ts';
import { answerData, bounded, closeSmtp, listenSmtp } from './smtp-listener.ts';
import { withTrace } from './trace.ts';

/** What submission works on. */
export interface SubmissionParts {
  readonly broker: ServedBroker;
  readonly access: Access;
  readonly maxMessageBytes: number;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/** Where submission listens: an address, or the path of a socket. */
export type SubmissionAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** A listener for submission. */
export interface SubmissionServer {
  readonly address: SubmissionAddress;
  /** For connections from now on. */
  replaceCertificate(tls: TlsCertificate): void;
  /** Takes no more connections, and ends those that there are after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** For whom a session sends. */
interface Sender {
  readonly tenant: string | undefined;
  readonly senderDomains: readonly string[] | undefined;
}

/** What AUTH leaves in a session. */
interface Login {
  readonly token: string;
}

const defaultPorts = { starttls: 587, tls: 465, local: 25 };

/** Listens for SMTP submission (RFC 6409). @throws {ServerError} MB_SERVER_LISTEN */
// Long because each callback of the SMTP server is one step of a session.
export async function startSubmission(
  options: CheckedSubmissionOptions,
  parts: SubmissionParts,
): Promise<SubmissionServer> {
  const server = new SMTPServer({
    name: options.hostname,
    banner: '@mb/server',
    size: parts.maxMessageBytes,
    rejectOversized: true,
    authMethods: ['PLAIN', 'LOGIN'],
    // It would put codes of its own in front of ours.
    hideENHANCEDSTATUSCODES: true,
    hideDSN: false,
    hideREQUIRETLS: options.security === 'local',
    disableReverseLookup: true,
    maxClients: options.maxClients,
    maxRecipients: options.maxRecipients,
    socketTimeout: options.idleMs,
    ...(options.security === 'local'
      ? { authOptional: true, disabledCommands: ['AUTH', 'STARTTLS'] }
      : {
          secure: options.security === 'tls',
          key: options.tls.key as string,
          cert: options.tls.cert as string,
          minVersion: 'TLSv1.2',
        }),
    // A client must not be offered AUTH where it would send its key in the clear (RFC 4954 §9).
    onConnect: (session, done) => {
      if (options.security === 'starttls') session.disabledCommands = ['AUTH'];
      done();
    },
    onSecure: (_socket, session, done) => {
      session.disabledCommands = [];
      done();
    },
    onAuth: (auth, session, done) => {
      login(auth.password ?? '', session, parts).then((answer) => done(null, answer), done);
    },
    onMailFrom: (address, session, done) => {
      begin(address, session, options, parts).then(
        () => done(),
        (error) => done(replyOf(error)),
      );
    },
    onRcptTo: (address, session, done) => {
      checkRecipient(address, session, options, parts).then(
        () => done(),
        (error) => done(replyOf(error)),
      );
    },
    onData: (stream, session, done) => {
      const taken = accept(stream, session, options, parts);
      answerData(taken, stream, { answer: done, onError: parts.onError });
    },
  });
  const address = await listen(server, options);
  return {
    address,
    replaceCertificate({ key, cert }) {
      if (options.security !== 'local')
        server.updateSecureContext({ key: key as string, cert: cert as string });
    },
    close: (graceMs) => closeSmtp(server, graceMs),
  };
}

async function login(token: string, session: SMTPServerSession, { access }: SubmissionParts) {
  const address = session.remoteAddress ?? 'local';
  const wait = await access.waitSeconds(address);
  if (wait > 0) return { responseCode: 454, message: `4.7.0 Too many wrong keys; try again in ${wait} s` };
  const key = await access.identify(token, address);
  // RFC 4954 §6
  if (!key) return { responseCode: 535, message: '5.7.8 The password must be a valid key' };
  if (!key.scopes.includes('send')) {
    return { responseCode: 535, message: '5.7.8 This key has no scope "send"' };
  }
  return { user: { token } satisfies Login };
}

/** Looks at the key again: it may have been revoked since AUTH. */
async function senderOf(
  session: SMTPServerSession,
  options: CheckedSubmissionOptions,
  { access }: SubmissionParts,
): Promise<{ readonly sender: Sender; readonly key?: ApiKey }> {
  if (options.security === 'local') {
    return { sender: { tenant: options.tenant, senderDomains: options.senderDomains } };
  }
  const login = session.user as Login | undefined;
  if (!login) {
    throw new SubmissionReply(
      530,
      session.secure ? '5.7.0 Authentication required' : '5.7.0 Must issue a STARTTLS command first',
    );
  }
  const key = await access.identify(login.token, session.remoteAddress);
  if (!key) throw new SubmissionReply(530, '5.7.0 The key is not valid any more');
  return { sender: { tenant: key.tenant, senderDomains: key.senderDomains }, key };
}

async function begin(
  { address }: SMTPServerAddress,
  session: SMTPServerSession,
  options: CheckedSubmissionOptions,
  parts: SubmissionParts,
): Promise<void> {
  const { key } = await senderOf(session, options, parts);
  if (address !== '') parseMailbox(address, { addresses: 'as-received' });
  if (!key) return;
  const { allowed, resetSeconds } = await parts.access.count(key);
  if (!allowed) {
    throw new SubmissionReply(450, `4.7.0 Too many messages with this key; try again in ${resetSeconds} s`);
  }
}

async function checkRecipient(
  { address }: SMTPServerAddress,
  session: SMTPServerSession,
  options: CheckedSubmissionOptions,
  parts: SubmissionParts,
): Promise<void> {
  const mailbox = wireAddress(parseMailbox(address, { addresses: 'as-received' }));
  const { sender } = await senderOf(session, options, parts);
  const [suppression] = await parts.broker.suppressions.find([mailbox], sender.tenant);
  // The client gets the error now: after 250 there is no way to report it.
  if (suppression) {
    throw new SubmissionReply(550, `5.7.1 The address is on the suppression list (${suppression.reason})`);
  }
}

/** Answers when the message is durable (RFC 5321 §4.2.5). */
async function accept(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  options: CheckedSubmissionOptions,
  parts: SubmissionParts,
): Promise<string> {
  const { sender } = await senderOf(session, options, parts);
  const { envelope, hostNameAppearsAs, remoteAddress, transmissionType, id } = session;
  const { mailFrom, rcptTo } = envelope;
  const raw = withTrace(bounded(stream, parts.maxMessageBytes), {
    helo: hostNameAppearsAs,
    address: remoteAddress ?? '127.0.0.1',
    hostname: options.hostname,
    protocol: transmissionType,
    id,
    now: parts.now(),
  });
  const from = mailFrom === false ? '' : mailFrom.address;
  const to = rcptTo.map(({ address }) => wireAddress(parseMailbox(address, { addresses: 'as-received' })));
  const { id: messageId } = await parts.broker.enqueue(
    { raw, envelope: { from, to }, addresses: 'as-received' },
    { ...sender, delivery: deliveryOf(session, to) },
  );
  return messageId === undefined ? '2.0.0 Every recipient is suppressed' : `2.0.0 Queued as ${messageId}`;
}

/** What the client asked for by DSN (RFC 3461) and REQUIRETLS (RFC 8689). */
function deliveryOf(
  { envelope: { dsn, rcptTo, requireTLS } }: SMTPServerSession,
  to: readonly string[],
): NonNullable<EnqueueOptions['delivery']> {
  const recipients = Object.fromEntries(
    rcptTo.flatMap((recipient, index) => {
      const wish = wishOf(recipient);
      return Object.keys(wish).length === 0 ? [] : [[to[index]!, wish]];
    }),
  );
  return {
    ...(requireTLS && { requireTls: true }),
    ...(dsn?.ret && { ret: dsn.ret.toUpperCase() === 'FULL' ? 'full' : 'headers' }),
    ...(dsn?.envid && { envid: decodeXtext(dsn.envid) }),
    ...(Object.keys(recipients).length > 0 && { recipients }),
  };
}

function wishOf({ dsn }: SMTPServerAddress): RecipientDelivery {
  const { notify = [], orcpt } = dsn ?? {};
  const words = notify.map((one) => one.toLowerCase());
  return {
    ...(words.length > 0 && {
      notify: words.includes('never') ? 'never' : (words as Exclude<Notify, 'never'>),
    }),
    ...(orcpt && { orcpt: decodeXtext(orcpt) }),
  };
}

/** RFC 3461 §4 and, for addresses beyond ASCII, RFC 6533 §3. */
function decodeXtext(text: string): string {
  return text
    .replaceAll(/\\x\{([0-9A-Fa-f]{1,6})\}/g, (_, digits: string) =>
      String.fromCodePoint(Number.parseInt(digits, 16)),
    )
    .replaceAll(/\+([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

async function listen(server: SMTPServer, options: CheckedSubmissionOptions): Promise<SubmissionAddress> {
  if (options.security === 'local' && options.path !== undefined) {
    await listenSmtp(server, { path: options.path });
    return { path: options.path };
  }
  const { host = '127.0.0.1', port = defaultPorts[options.security] } = options;
  const address = (await listenSmtp(server, { host, port })).address() as AddressInfo;
  return { host: address.address, port: address.port };
}
