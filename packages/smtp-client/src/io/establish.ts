import { Socket } from 'node:net';
import { aborted, SmtpConnection } from '../client.ts';
import { SmtpError, type TranscriptEntry, toSmtpError } from '../errors.ts';
import type { SaslChannel } from '../protocol/sasl/mechanism.ts';
import type { SessionEvent } from '../protocol/session/events.ts';
import { SmtpSession } from '../protocol/session/session.ts';
import { handshakeTimeout } from '../protocol/session/session-errors.ts';
import type { SessionTls } from '../protocol/session/session-options.ts';
import type { TlsEvidence, TlsFailure } from '../tls-evidence.ts';
import { Authenticator } from './authenticate.ts';
import type { ResolvedOptions } from './connect-options.ts';
import { Driver } from './drive.ts';
import { formatAddress, type OpenedSocket } from './open-socket.ts';

/**
 * Prepares a session on an open transport for deliveries.
 *
 * @throws {SmtpError} As `connect`, with address and transcript.
 */
export async function establish(
  options: ResolvedOptions,
  opened: OpenedSocket,
  notes: readonly TranscriptEntry[],
): Promise<SmtpConnection> {
  const address = formatAddress(opened.address, options.port);
  const setup = new Setup(options, opened, [...notes]);
  try {
    return await setup.run(address);
  } catch (error) {
    if (!SmtpError.isInstance(error)) throw error;
    throw error.with({ address, transcript: setup.transcript, tls: setup.evidenceOf(error) });
  }
}

/** One attempt to prepare a session. */
class Setup {
  readonly #options: ResolvedOptions;
  readonly #opened: OpenedSocket;
  readonly #notes: readonly TranscriptEntry[];
  /** Aborts the handshake when the session ends; created with the handshake. */
  #stop: AbortController | undefined;
  #evidence: TlsEvidence;
  #session: SmtpSession | undefined;
  readonly #authenticator: Authenticator | undefined;
  #binding: () => SaslChannel['binding'] = () => undefined;

  constructor(options: ResolvedOptions, opened: OpenedSocket, notes: readonly TranscriptEntry[]) {
    this.#options = options;
    this.#opened = opened;
    this.#notes = notes;
    const { tlsError, tlsFailure, tls, authentication, host, port } = options;
    this.#evidence = {
      secure: false,
      level: tls.level,
      verifiedBy: 'none',
      ...(tlsError === undefined ? {} : { error: tlsError }),
      ...(tlsFailure && { failure: tlsFailure }),
    };
    this.#authenticator = authentication && new Authenticator(authentication, { host, port });
  }

  get transcript(): readonly TranscriptEntry[] {
    return [...this.#notes, ...(this.#session?.transcript ?? [])];
  }

  /** What is known about TLS, if `error` is a failure of TLS (RFC 8460 §4.3). */
  evidenceOf(error: SmtpError): TlsEvidence | undefined {
    if (error.tls) return error.tls;
    const type = failureTypes[error.code];
    return type && { ...this.#evidence, error: error.message, failure: { type, detail: error.message } };
  }

  async run(address: string): Promise<SmtpConnection> {
    const { host, clock, signal, tls } = this.#options;
    const socket = tls.implicit ? await this.#secureFirst() : this.#opened.socket;
    const session = this.#createSession(tls.implicit ? describe(this.#evidence) : undefined);
    this.#session = session;
    return new Promise((resolve, reject) => {
      let connection: SmtpConnection | undefined;
      const driver = new Driver(session, clock, (event) => {
        if (connection) return connection.handle(event);
        if (event.type === 'closed') {
          finish();
          reject(event.error);
        } else if (event.type === 'ready') {
          // Data after the last reply may have ended the session; that event comes next.
          if (session.state !== 'ready') return;
          finish();
          this.#noteClearText();
          const parts = { driver, clock, host, address, tls: this.#evidence, notes: this.#notes };
          connection = new SmtpConnection({ ...parts, capabilities: event.capabilities });
          resolve(connection);
        } else {
          this.#onEvent(driver, event);
        }
      });
      const onAbort = (): void => {
        session.fail(aborted(signal!), clock.now());
        driver.wake();
      };
      const finish = (): void => {
        signal?.removeEventListener('abort', onAbort);
        // Without a reason, abort() would create a DOMException with a stack for each connection.
        this.#stop?.abort('established');
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      driver.attach(socket);
      if (signal?.aborted) onAbort();
    });
  }

  /** Records for TLS reports that TLS was not offered, although nothing failed. */
  #noteClearText(): void {
    const { tls, starttls } = this.#options;
    if (this.#evidence.secure || this.#evidence.failure || tls.level === 'none' || starttls === 'never')
      return;
    const detail = 'the server does not offer STARTTLS';
    this.#evidence = {
      ...this.#evidence,
      error: detail,
      failure: { type: 'starttls-not-supported', detail },
    };
  }

  #createSession(implicitTls: SessionTls | undefined): SmtpSession {
    const { hostname, protocol, starttls, authentication, auth, pipelining, chunking, timeouts, limits } =
      this.#options;
    const { onTranscript, clock, experience } = this.#options;
    return new SmtpSession(
      {
        hostname,
        starttls,
        timeouts,
        limits,
        ...(protocol && { protocol }),
        ...(pipelining && { pipelining }),
        ...(chunking !== undefined && { chunking }),
        ...(experience && { experience }),
        ...(onTranscript && { onTranscript }),
        ...(authentication && {
          authMechanisms: authentication.mechanisms,
          authRenewable: authentication.source !== undefined,
          insecureAuth: auth?.insecure === true,
        }),
        ...(implicitTls && { implicitTls }),
        // A TCP socket copies what is written to it; another transport may keep the memory.
        reuseBlocks: this.#opened.socket instanceof Socket,
      },
      clock.now(),
    );
  }

  #onEvent(driver: Driver, event: SessionEvent): void {
    if (event.type === 'tls-required') void this.#upgrade(driver);
    if (event.type === 'auth-challenge' || event.type === 'auth-succeeded')
      void this.#authenticate(driver, event);
  }

  async #upgrade(driver: Driver): Promise<void> {
    const { clock, host, tls } = this.#options;
    const transport = driver.detach();
    this.#stop ??= new AbortController();
    const { signal } = this.#stop;
    try {
      const { socket, evidence, binding } = await this.#options.secure!(transport, host, tls, signal);
      this.#evidence = evidence;
      this.#binding = binding;
      driver.session.tlsEstablished(describe(evidence), clock.now());
      driver.attach(socket);
    } catch (error) {
      transport.destroy();
      if (SmtpError.isInstance(error)) driver.session.fail(error, clock.now());
      driver.wake();
    }
  }

  /** RFC 8314 §3: does the TLS handshake before the greeting, with the timeout of the handshake after STARTTLS. */
  async #secureFirst() {
    const { clock, host, tls, timeouts, signal } = this.#options;
    const { socket: transport } = this.#opened;
    const ended = new AbortController();
    this.#stop = ended;
    const cancel = clock.setTimer(() => ended.abort(handshakeTimeout()), timeouts.handshakeMs);
    const stop = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
    try {
      const { socket, evidence, binding } = await this.#options.secure!(transport, host, tls, stop);
      this.#evidence = evidence;
      this.#binding = binding;
      return socket;
    } catch (error) {
      transport.destroy();
      if (signal?.aborted) throw aborted(signal);
      throw error;
    } finally {
      cancel();
    }
  }

  async #authenticate(driver: Driver, event: AuthEvent): Promise<void> {
    const { clock } = this.#options;
    const { session } = driver;
    const now = (): number => clock.now();
    try {
      if (event.type === 'auth-succeeded') await this.#authenticator!.confirm(session, event, now);
      else await this.#authenticator!.answer(session, event, () => this.#channel(), now);
    } catch (error) {
      session.fail(toSmtpError(error), now());
    }
    driver.wake();
  }

  #channel(): SaslChannel {
    const { secure, verifiedBy } = this.#evidence;
    const binding = this.#binding();
    return { secure, verified: verifiedBy !== 'none', ...(binding && { binding }) };
  }
}

type AuthEvent = Extract<SessionEvent, { type: 'auth-challenge' | 'auth-succeeded' }>;

/** RFC 8460 result types of TLS failures; failures of a certificate have theirs already. */
const failureTypes: { readonly [code in SmtpError['code']]?: TlsFailure['type'] } = {
  MB_SMTP_TLS_NOT_OFFERED: 'starttls-not-supported',
  MB_SMTP_TLS_REFUSED: 'starttls-not-supported',
  MB_SMTP_TLS_HANDSHAKE: 'validation-failure',
  MB_SMTP_TLS_TIMEOUT: 'validation-failure',
  MB_SMTP_TLS_INJECTION: 'validation-failure',
};

function describe(evidence: TlsEvidence): SessionTls {
  const { protocol = 'TLS', cipher = '', verifiedBy, error } = evidence;
  const verified = verifiedBy !== 'none';
  const by = verified ? `verified by ${verifiedBy}` : `not verified: ${error ?? 'no reason given'}`;
  return { verified, description: `${protocol} ${cipher}, ${by}`, provisional: protocol === 'TLSv1.3' };
}
