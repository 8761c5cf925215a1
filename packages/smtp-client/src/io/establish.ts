import { Socket } from 'node:net';
import { aborted, SmtpConnection } from '../client.ts';
import { SmtpError, type TranscriptEntry, toSmtpError } from '../errors.ts';
import { beginSasl, type SaslMechanism } from '../protocol/sasl/choose.ts';
import type { SaslExchange } from '../protocol/sasl/mechanism.ts';
import type { SessionEvent } from '../protocol/session/events.ts';
import { SmtpSession } from '../protocol/session/session.ts';
import { handshakeTimeout } from '../protocol/session/session-errors.ts';
import type { SessionTls } from '../protocol/session/session-options.ts';
import type { ResolvedOptions } from './connect-options.ts';
import { Driver } from './drive.ts';
import { formatAddress, type OpenedSocket } from './open-socket.ts';
import type { TlsEvidence } from './tls.ts';

/** Makes a session on an open transport ready for deliveries. @throws {SmtpError} as `connect`, with address and transcript */
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
    throw error.with({ address, transcript: setup.transcript });
  }
}

/** One try to make a session ready. */
class Setup {
  readonly #options: ResolvedOptions;
  readonly #opened: OpenedSocket;
  readonly #notes: readonly TranscriptEntry[];
  /** Aborts a handshake when the session ends meanwhile. */
  readonly #stop = new AbortController();
  #evidence: TlsEvidence;
  #session: SmtpSession | undefined;
  #exchange: SaslExchange | undefined;

  constructor(options: ResolvedOptions, opened: OpenedSocket, notes: readonly TranscriptEntry[]) {
    this.#options = options;
    this.#opened = opened;
    this.#notes = notes;
    const { tlsError } = options;
    this.#evidence = {
      secure: false,
      verifiedBy: 'none',
      ...(tlsError === undefined ? {} : { error: tlsError }),
    };
  }

  get transcript(): readonly TranscriptEntry[] {
    return [...this.#notes, ...(this.#session?.transcript ?? [])];
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
          // What came behind the last reply may have ended the session already; that event follows.
          if (session.state !== 'ready') return;
          finish();
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
        this.#stop.abort();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      driver.attach(socket);
      if (signal?.aborted) onAbort();
    });
  }

  #createSession(implicitTls: SessionTls | undefined): SmtpSession {
    const { hostname, protocol, starttls, mechanisms, auth, pipelining, chunking, timeouts, limits } =
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
        ...(mechanisms && { authMechanisms: mechanisms, insecureAuth: auth?.insecure === true }),
        ...(implicitTls && { implicitTls }),
        // A socket of the system copies what it writes; what else a caller hands in may keep it.
        reuseBlocks: this.#opened.socket instanceof Socket,
      },
      clock.now(),
    );
  }

  #onEvent(driver: Driver, event: SessionEvent): void {
    if (event.type === 'tls-required') void this.#upgrade(driver);
    if (event.type === 'auth-challenge') void this.#authenticate(driver, event.mechanism, event.challenge);
  }

  async #upgrade(driver: Driver): Promise<void> {
    const { clock, host, tls } = this.#options;
    const transport = driver.detach();
    try {
      const { socket, evidence } = await this.#options.secure!(transport, host, tls, this.#stop.signal);
      this.#evidence = evidence;
      driver.session.tlsEstablished(describe(evidence), clock.now());
      driver.attach(socket);
    } catch (error) {
      transport.destroy();
      if (SmtpError.isInstance(error)) driver.session.fail(error, clock.now());
      driver.wake();
    }
  }

  /** RFC 8314 §3: TLS before the greeting, within the same overall time as after STARTTLS. */
  async #secureFirst() {
    const { clock, host, tls, timeouts, signal } = this.#options;
    const { socket: transport } = this.#opened;
    const cancel = clock.setTimer(() => this.#stop.abort(handshakeTimeout()), timeouts.handshakeMs);
    const stop = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    try {
      const { socket, evidence } = await this.#options.secure!(transport, host, tls, stop);
      this.#evidence = evidence;
      return socket;
    } catch (error) {
      transport.destroy();
      if (signal?.aborted) throw aborted(signal);
      throw error;
    } finally {
      cancel();
    }
  }

  async #authenticate(driver: Driver, mechanism: string, challenge: Uint8Array | undefined): Promise<void> {
    const { auth, clock, host, port } = this.#options;
    try {
      let response: Uint8Array | undefined;
      if (challenge === undefined) {
        const { nodeSaslCrypto } = await import('./sasl-crypto.ts');
        this.#exchange = beginSasl(mechanism as SaslMechanism, auth!, { host, port }, nodeSaslCrypto);
        response = await this.#exchange.start();
      } else {
        response = await this.#exchange!.respond(challenge);
      }
      driver.session.authRespond(response, clock.now());
    } catch (error) {
      driver.session.fail(toSmtpError(error), clock.now());
    }
    driver.wake();
  }
}

function describe(evidence: TlsEvidence): SessionTls {
  const { protocol = 'TLS', cipher = '', verifiedBy, error } = evidence;
  const verified = verifiedBy !== 'none';
  const by = verified ? `verified by ${verifiedBy}` : `not verified (${error ?? 'no reason given'})`;
  return { verified, description: `${protocol} ${cipher}, ${by}` };
}
