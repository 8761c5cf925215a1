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
  /** Called after each change of the record. */
  readonly onChange: () => void;
}

/** The connection of one client: reads, writes scripted replies, starts TLS, and records everything. */
export class HostConnection {
  readonly reader: OctetReader;
  /** False after the connection has ended, or the script has stopped serving it. */
  open = true;
  readonly #record: SmtpSessionRecord;
  readonly #settings: ConnectionSettings;
  readonly #startedAt: number;
  readonly #socket: Duplex;
  #stream: Duplex;
  /** Called when the connection has ended. */
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

  /** Sends a reply with its delays and cuts, and then performs its `after`. */
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
    // RFC 5321 §3.8: a host closes the connection after 421.
    await this.follow(reply.after ?? (reply.code === 421 ? 'close' : 'continue'));
  }

  /** Ends the connection, or stops serving it. */
  async follow(after: NonNullable<EncodedReply['after']>): Promise<void> {
    if (after === 'continue' || !this.open) return;
    this.open = false;
    switch (after) {
      case 'close':
        this.note('host-closed');
        this.#stream.end();
        // A client may keep its side open: for up to a second, octets that it still sends are discarded.
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

  /** Stops reading, so that the TLS handshake gets all further octets. Returns those already received in clear text. */
  holdForTls(): Buffer {
    this.reader.detach();
    this.#stream.pause();
    return this.reader.drain();
  }

  /** Resumes reading after {@link HostConnection.holdForTls} if there is no handshake. */
  resumeClear(): void {
    this.reader.replace(this.#stream);
  }

  /** Performs the server's side of a TLS handshake. If it fails, the connection ends and the result is false. */
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
    // Waits until the piece is written and the event loop has turned, so that the next piece is not joined to it.
    return this.#orOver((done) => {
      this.#stream.write(octets, () => setImmediate(done));
      return undefined;
    });
  }

  #pause(ms: number): Promise<void> {
    return this.#orOver((done) => this.#settings.clock.setTimer(done, ms));
  }

  /** Resolves when `start` calls back or the connection ends, whichever is first. */
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

  /** Discards received octets until the client ends or `ms` have passed. */
  async #drainUntil(ms: number): Promise<void> {
    let waiting = true;
    const read = async () => {
      while (waiting && (await this.reader.piece()) !== undefined);
    };
    // Real time, not the test's clock, since it limits a real socket.
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
