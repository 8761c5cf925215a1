import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../clock.ts';
import { OctetReader } from './octet-reader.ts';
import type { SmtpEvent, SmtpSessionRecord } from './record.ts';
import { cutReply, type EncodedReply } from './reply.ts';
import type { SmtpHostTls } from './script.ts';

export interface ConnectionSettings {
  readonly clock: Clock;
  readonly keepOctets: boolean;
  /** Called after everything that goes into the record. */
  readonly onChange: () => void;
}

/** One client's connection: writes replies as their script has them, reads, starts TLS, and records all of it. */
export class HostConnection {
  readonly reader: OctetReader;
  /** False once the connection is over or the script said to stop. */
  open = true;
  readonly #record: SmtpSessionRecord;
  readonly #settings: ConnectionSettings;
  readonly #startedAt: number;
  readonly #socket: Duplex;
  #stream: Duplex;
  /** What to wake when the connection is over. */
  readonly #waiting = new Set<() => void>();

  constructor(socket: Duplex, record: SmtpSessionRecord, settings: ConnectionSettings) {
    this.#socket = socket;
    this.#stream = socket;
    this.#record = record;
    this.#settings = settings;
    this.#startedAt = settings.clock.now();
    this.reader = new OctetReader(socket, (octets) => this.note('received', octets));
    this.#watch(socket);
    (socket as Partial<Socket>).setNoDelay?.(true);
  }

  /** Adds an event to the record. */
  note(kind: SmtpEvent['kind'], octets?: Buffer, text?: string): void {
    const isTraffic = kind === 'received' || kind === 'sent';
    if (!isTraffic || this.#settings.keepOctets) {
      const atMs = this.#settings.clock.now() - this.#startedAt;
      this.#record.events.push({ atMs, kind, ...(octets && { octets }), ...(text && { text }) });
    }
    this.#settings.onChange();
  }

  /** Sends a reply as it wants to be sent, and does what follows it. */
  async send(reply: EncodedReply): Promise<void> {
    if (reply.delayMs !== undefined) await this.#pause(reply.delayMs);
    const pieces = cutReply(reply.octets, reply.cut);
    const times = reply.repeat ?? 1;
    for (let time = 0; time < times && this.open; time++) {
      for (const [at, piece] of pieces.entries()) {
        if (at > 0 && reply.gapMs !== undefined) await this.#pause(reply.gapMs);
        if (!this.open) return;
        await this.#write(piece);
      }
    }
    // RFC 5321 §3.8: a host that says 421 closes.
    await this.follow(reply.after ?? (reply.code === 421 ? 'close' : 'continue'));
  }

  /** Ends the connection, or stops taking part in it. */
  async follow(after: NonNullable<EncodedReply['after']>): Promise<void> {
    if (after === 'continue' || !this.open) return;
    this.open = false;
    switch (after) {
      case 'close':
        this.note('host-closed');
        this.#stream.end();
        // A client that keeps its side open must not keep ours: what it still sends is read and forgotten.
        await this.#drainUntil(1_000);
        return this.destroy();
      case 'reset':
        this.note('host-reset');
        return this.#reset();
      case 'hang':
        this.note('host-hung');
        return this.#drainUntil(Number.POSITIVE_INFINITY);
      case 'stop-reading':
        this.note('host-stopped-reading');
        this.reader.stop();
        return this.#orOver(() => undefined);
    }
  }

  /** Leaves the octets that come from now on to the handshake. Returns what already came in clear text. */
  holdForTls(): Buffer {
    this.reader.detach();
    this.#stream.pause();
    return this.reader.drain();
  }

  /** Takes back what {@link HostConnection.holdForTls} left to a handshake that will not be. */
  resumeClear(): void {
    this.reader.replace(this.#stream);
  }

  /** The server's side of a TLS handshake; false when it did not succeed, and the connection is over. */
  async startTls(tls: SmtpHostTls): Promise<boolean> {
    const { handshake = 'normal', ...options } = tls;
    if (handshake !== 'normal') {
      if (handshake === 'garbage') await this.#write(Buffer.from('500 This is no TLS handshake\r\n'));
      await this.follow(handshake === 'garbage' ? 'close' : handshake);
      return false;
    }
    const secure = new TLSSocket(this.#socket as Socket, { ...options, isServer: true });
    const failure = await new Promise<Error | undefined>((resolve) => {
      secure.once('secure', () => resolve(undefined));
      secure.once('error', resolve);
      secure.once('close', () => resolve(new Error('The connection ended during the handshake.')));
    });
    if (failure !== undefined) {
      this.note('tls-failed', undefined, failure.message);
      this.destroy();
      return false;
    }
    this.#stream = secure;
    this.#watch(secure);
    this.reader.replace(secure);
    this.#record.tls = {
      protocol: secure.getProtocol() ?? '',
      cipher: secure.getCipher().name,
      serverName: (secure as { servername?: string | false }).servername || undefined,
    };
    this.note('tls-started', undefined, `${this.#record.tls.protocol} ${this.#record.tls.cipher}`);
    return true;
  }

  /** Ends the connection now. */
  destroy(): void {
    this.#stream.destroy();
    this.#socket.destroy();
    this.#finish();
  }

  #write(octets: Buffer): Promise<void> {
    this.note('sent', octets);
    // The next piece waits for this one to be with the kernel, and a turn, so that they are not joined.
    return this.#orOver((done) => {
      this.#stream.write(octets, () => setImmediate(done));
      return undefined;
    });
  }

  #pause(ms: number): Promise<void> {
    return this.#orOver((done) => this.#settings.clock.setTimer(done, ms));
  }

  /** Resolves when `start` calls back or the connection is over, whichever is first. */
  #orOver(start: (done: () => void) => (() => void) | undefined): Promise<void> {
    if (this.#record.closed) return Promise.resolve();
    return new Promise((resolve) => {
      let cancel: (() => void) | undefined;
      const end = () => {
        this.#waiting.delete(end);
        cancel?.();
        resolve();
      };
      this.#waiting.add(end);
      cancel = start(end);
    });
  }

  /** Reads and forgets until the client is gone or `ms` have passed. */
  async #drainUntil(ms: number): Promise<void> {
    let waiting = true;
    const read = async () => {
      while (waiting && (await this.reader.piece()) !== undefined);
    };
    // Real time, as this bounds a real socket whatever the test's clock does.
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<void>((resolve) => {
      if (ms !== Number.POSITIVE_INFINITY) timer = setTimeout(resolve, ms);
    });
    await Promise.race([read(), bound]);
    waiting = false;
    clearTimeout(timer);
  }

  #reset(): void {
    const socket = this.#socket as Partial<Socket>;
    if (socket.resetAndDestroy) socket.resetAndDestroy();
    this.destroy();
  }

  #watch(stream: Duplex): void {
    stream.on('end', () => {
      if (this.open) this.note('client-ended');
      this.reader.end();
    });
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (this.open) this.note('client-reset', undefined, error.code ?? error.message);
      this.#finish();
    });
    stream.on('close', () => this.#finish());
  }

  #finish(): void {
    this.open = false;
    this.reader.end();
    if (this.#record.closed) return;
    this.#record.closed = true;
    this.note('closed');
    for (const end of this.#waiting) end();
  }
}
