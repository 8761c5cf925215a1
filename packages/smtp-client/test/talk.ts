import type { SessionEvent } from '../src/protocol/session/events.ts';
import { HostExperience } from '../src/protocol/session/host-experience.ts';
import { SmtpSession } from '../src/protocol/session/session.ts';
import type { SessionOptions } from '../src/protocol/session/session-options.ts';
import type { Envelope } from '../src/protocol/transaction/envelope.ts';
import type { TransactionResult } from '../src/protocol/transaction/result.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

/** A session without a socket: the test plays the server line by line, and checks what the client sends. */
export class Talk {
  readonly session: SmtpSession;
  readonly events: SessionEvent[] = [];
  /** Everything the client wrote, one string per write. */
  readonly writes: string[] = [];
  now = 1_000_000;
  #read = 0;

  /** By default the host has the largest window. */
  constructor(options: Partial<SessionOptions> = {}) {
    const experience = new HostExperience({ window: 16 });
    this.session = new SmtpSession({ hostname: 'client.example.org', experience, ...options }, this.now);
  }

  /** A ready session with a server that offers these EHLO keywords. */
  static ready(
    keywords: readonly string[] = ['PIPELINING', '8BITMIME', 'SIZE'],
    options: Partial<SessionOptions> = {},
  ): Talk {
    const talk = new Talk(options);
    talk.server('220 mx.example.com ESMTP');
    talk.server(
      ...[`mx.example.com`, ...keywords].map((line, at) => `250${at === keywords.length ? ' ' : '-'}${line}`),
    );
    talk.said();
    return talk;
  }

  /** The server sends lines. */
  server(...lines: readonly string[]): void {
    this.raw(lines.map((line) => `${line}\r\n`).join(''));
  }

  /** The server sends octets. */
  raw(text: string): void {
    this.session.receive(encoder.encode(text), this.now);
    this.pump();
  }

  end(cause?: unknown): void {
    this.session.receiveEof(this.now, cause);
    this.pump();
  }

  /** Lets time pass. */
  wait(ms: number): void {
    this.now += ms;
    this.session.handleTimeout(this.now);
    this.pump();
  }

  submit(envelope: Partial<Envelope> = {}, content?: Uint8Array | string, sevenBit?: string): number {
    const octets = typeof content === 'string' ? encoder.encode(content) : content;
    const id = this.session.submit(
      { from: 'a@example.org', to: ['b@example.com'], ...envelope },
      octets,
      sevenBit === undefined ? undefined : encoder.encode(sevenBit),
    );
    this.pump();
    return id;
  }

  pump(): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (let out = this.session.pollTransmit(this.now); out; out = this.session.pollTransmit(this.now)) {
        this.writes.push(decoder.decode(out));
        this.session.transmitted(this.now);
        busy = true;
      }
      for (let event = this.session.next(); event; event = this.session.next()) {
        this.events.push(event);
        busy = true;
      }
    }
  }

  /** What the client wrote since the last call. */
  said(): string {
    const text = this.writes.slice(this.#read).join('');
    this.#read = this.writes.length;
    return text;
  }

  /** The results of a delivery, once it is settled. */
  results(id: number): readonly TransactionResult[] | undefined {
    for (const event of this.events) {
      if (event.type === 'delivery-settled' && event.id === id) return event.recipients;
    }
    return undefined;
  }

  statuses(id: number): string[] | undefined {
    return this.results(id)?.map(({ status }) => status);
  }

  /** `status code@stage` of each recipient. */
  summary(id: number): string[] | undefined {
    return this.results(id)?.map((result) =>
      [result.status, result.reply?.code, `@${result.stage}`].filter((part) => part !== undefined).join(' '),
    );
  }

  /** Why a delivery was not attempted. */
  notAttempted(id: number): string | undefined {
    for (const event of this.events)
      if (event.type === 'delivery-not-attempted' && event.id === id) return event.error.code;
    return undefined;
  }

  get closed(): Extract<SessionEvent, { type: 'closed' }> | undefined {
    return this.events.find((event) => event.type === 'closed');
  }
}
