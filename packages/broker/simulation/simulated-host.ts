import { type Duplex, duplexPair } from 'node:stream';
import type { SeededRandom, VirtualClock } from '@mb/testkit';
import { type HostPlan, type HostTrouble, isSlow, type Mailbox, type SessionLimit } from './scenario.ts';
import { type Appearance, appearanceOf } from './tenants.ts';

/** What a host knows of a message that it took. */
export interface Acceptance {
  readonly host: string;
  readonly messageId: string;
  readonly recipients: readonly string[];
  /** Who it appeared to come from. */
  readonly appearance: Appearance;
  /** Epoch milliseconds on the world's clock. */
  readonly at: number;
  /** Steps of the world, which order what happens at the same moment. */
  readonly step: number;
  /** Step at which its session began. */
  readonly sessionStep: number;
  /** The process that handed it over. */
  readonly life: number;
  /** Whether the reply was given to a connection that was still open. */
  replied: boolean;
  /**
   * How the reply was lost, if it was: the host itself broke off at this message (`here`) or at one behind it
   * (`behind`).
   */
  lost: 'here' | 'behind' | undefined;
  /** Messages that the host had answered, in all sessions, when the reply was lost. */
  answeredBefore?: number;
}

/** What a host did that its coverage counts. */
export type HostDeed =
  | keyof HostTrouble
  | `sessionFull, ${SessionLimit['said']}`
  | 'chunkingRefused'
  | 'greylisted'
  | 'greylisted, plain'
  | 'slow answer';

/** What hosts need of the world. */
export interface HostWorld {
  readonly clock: VirtualClock;
  readonly mailboxes: ReadonlyMap<string, Mailbox>;
  /** False once the faults are over. */
  faulty(): boolean;
  /** Counts what happened; the world waits until it stands still. */
  touch(): number;
  accepted(acceptance: Acceptance): void;
  /** Times that a greylisting mailbox has refused so far. */
  readonly refusals: Map<string, number>;
}

/** A mail exchanger without network, TLS or threads: everything that it does follows from its seed. */
export class SimulatedHost {
  readonly plan: HostPlan;
  readonly #world: HostWorld;
  readonly #random: SeededRandom;
  /** Connections that are open now, and most at any moment. */
  open = 0;
  mostOpen = 0;
  /** Troubles that it has made so far. */
  readonly met = new Map<HostDeed, number>();
  /** Messages that it took and whose replies it gave, in all sessions. */
  answered = 0;

  constructor(plan: HostPlan, world: HostWorld, random: SeededRandom) {
    this.plan = plan;
    this.#world = world;
    this.#random = random;
  }

  /** True with the likelihood of this trouble, while there are faults at all. */
  meets(trouble: keyof HostTrouble): boolean {
    const likelihood = this.plan.trouble[trouble];
    if (likelihood === 0 || this.#random.random() >= likelihood || !this.#world.faulty()) return false;
    this.count(trouble);
    return true;
  }

  count(deed: HostDeed): void {
    this.met.set(deed, (this.met.get(deed) ?? 0) + 1);
  }

  latencyMs(): number {
    return this.#random.integer(...this.plan.latencyMs);
  }

  /** Time until a connection is open; a host that answers slowly is not far away. */
  connectMs(): number {
    return isSlow(this.plan) ? this.#random.integer(1, 200) : this.latencyMs();
  }

  /** Takes a connection of a process; gives the client's end. */
  connect(life: number, localAddress?: string): { client: Duplex; cut: () => void } {
    const [client, server] = duplexPair();
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    const session = new HostSession(server, this, this.#world, life, localAddress);
    let closed = false;
    const close = () => {
      if (closed) return;
      closed = true;
      this.open--;
      session.over = true;
      this.#world.touch();
    };
    const cut = () => {
      close();
      server.destroy();
      client.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    };
    session.cut = cut;
    client.on('close', () => {
      close();
      server.destroy();
    });
    client.on('error', () => {});
    server.on('error', () => {});
    session.start();
    return { client, cut };
  }
}

/** One session, from the host's side: commands are answered in order, each after the host's latency. */
class HostSession {
  over = false;
  cut: () => void = () => {};
  readonly #stream: Duplex;
  readonly #host: SimulatedHost;
  readonly #world: HostWorld;
  readonly #life: number;
  readonly #localAddress: string | undefined;
  #hostname = '';
  #user: string | undefined;
  readonly #startedAt: number;
  #input: Buffer = Buffer.alloc(0);
  #busy = false;
  /** Octets of BDAT that are still to come, and whether the chunk is the last. */
  #chunk: { left: number; last: boolean } | undefined;
  #inData = false;
  /** Nothing is read any more. */
  #hung = false;
  #content: Buffer[] = [];
  #sender: string | undefined;
  #recipients: string[] = [];
  #mails = 0;
  #authenticated = false;
  /** Replies that were not sent yet, and what happens when they are. */
  readonly #outbox: { readonly text: string; readonly acceptance: Acceptance | undefined }[] = [];

  constructor(
    stream: Duplex,
    host: SimulatedHost,
    world: HostWorld,
    life: number,
    localAddress: string | undefined,
  ) {
    this.#stream = stream;
    this.#host = host;
    this.#world = world;
    this.#life = life;
    this.#localAddress = localAddress;
    this.#startedAt = world.touch();
  }

  start(): void {
    this.#stream.on('data', (octets: Buffer) => {
      this.#world.touch();
      this.#input = Buffer.concat([this.#input, octets]);
      this.#work();
    });
    this.#stream.on('end', () => this.#stream.end());
    const greeting = this.#host.meets('greeting5')
      ? '554 5.7.1 No'
      : this.#host.meets('greeting4')
        ? '421 4.3.2 Busy'
        : `220 ${this.#host.plan.name}`;
    this.#reply(greeting, greeting.startsWith('220') ? undefined : () => this.#end());
  }

  /** Handles what is there, one thing at a time. */
  #work(): void {
    while (!this.#busy && !this.over && !this.#hung) {
      if (this.#chunk) {
        if (!this.#takeChunk(this.#chunk)) return;
      } else if (this.#inData) {
        if (!this.#takeData()) return;
      } else {
        const end = this.#input.indexOf('\r\n');
        if (end < 0) return;
        const line = this.#input.subarray(0, end).toString();
        this.#input = this.#input.subarray(end + 2);
        this.#command(line);
      }
    }
  }

  #command(line: string): void {
    if (this.#host.meets('hang')) {
      this.#flush();
      this.#hung = true;
    } else if (this.#host.meets('closing421')) {
      this.#reply('421 4.3.2 Closing', () => this.#end());
    } else if (/^MAIL /i.test(line) && this.#isFull()) {
      const { said } = this.#host.plan.sessionLimit!;
      this.#host.count(`sessionFull, ${said}`);
      if (said === '421') {
        this.#reply('421 4.7.0 Too many messages in this connection', () => this.#end());
      } else if (said === '452') {
        this.#sender = undefined;
        this.#reply('452 4.5.3 Too many messages sent');
      } else {
        this.#flush();
        this.#end();
      }
    } else if (/^RCPT /i.test(line) && this.#host.meets('cutAtRecipient')) {
      this.#breakOff();
    } else if (/^BDAT /i.test(line)) {
      const [, size = '0', last] = line.split(' ');
      this.#chunk = { left: Number(size), last: last?.toUpperCase() === 'LAST' };
    } else if (/^DATA$/i.test(line) && this.#recipients.length > 0) {
      this.#reply('354 Go', () => {
        this.#inData = true;
        this.#content = [];
      });
    } else if (/^QUIT$/i.test(line)) {
      this.#reply('221 2.0.0 Bye', () => this.#end());
    } else {
      this.#reply(this.#answer(line));
    }
  }

  #isFull(): boolean {
    const limit = this.#host.plan.sessionLimit;
    return limit !== undefined && this.#mails >= limit.messages;
  }

  #answer(line: string): string {
    switch (line.slice(0, 4).toUpperCase()) {
      case 'EHLO':
        this.#hostname = line.slice(5);
        return ['250-hello', ...this.#keywords().map((word) => `250-${word}`), '250 HELP'].join('\r\n');
      case 'AUTH':
        if (this.#host.meets('auth5')) return '535 5.7.8 Bad credentials';
        this.#authenticated = true;
        // RFC 4616 §2: authorization identity, user name and password, NUL between them.
        this.#user = Buffer.from(line.split(' ')[2] ?? '', 'base64')
          .toString()
          .split('\0')[1];
        return '235 2.7.0 Welcome';
      case 'MAIL':
        if (this.#host.plan.relay && !this.#authenticated) return '530 5.7.0 Authentication required';
        if (this.#host.meets('mail4')) return '451 4.3.0 Later';
        this.#mails++;
        this.#sender = line;
        this.#recipients = [];
        return '250 2.1.0 Ok';
      case 'RCPT':
        return this.#rcpt(/<([^>]*)>/.exec(line)?.[1] ?? '');
      case 'DATA':
        return '503 5.5.1 No recipients';
      case 'STAR':
        return '454 4.7.0 TLS not available';
      default:
        if (/^RSET$/i.test(line)) this.#reset();
        return '250 2.0.0 Ok';
    }
  }

  #keywords(): string[] {
    const { keywords, sessionLimit, relay } = this.#host.plan;
    return [
      ...keywords,
      ...(relay ? ['AUTH PLAIN'] : []),
      ...(sessionLimit?.said === 'limits' ? [`LIMITS MAILMAX=${sessionLimit.messages}`] : []),
    ];
  }

  #rcpt(address: string): string {
    if (this.#sender === undefined) return '503 5.5.1 MAIL first';
    const mailbox = this.#world.mailboxes.get(address) ?? { kind: 'good' };
    if (mailbox.kind === 'unknown-user') return '550 5.1.1 No such user';
    if (mailbox.kind === 'blocking' && this.#world.faulty()) {
      return '550 5.7.1 Service unavailable; client host [198.51.100.7] blocked';
    }
    if (mailbox.kind === 'full' && this.#world.faulty()) return '452 4.2.2 Mailbox full';
    if (mailbox.kind === 'greylisted') {
      const refusals = this.#world.refusals.get(address) ?? 0;
      if (refusals < mailbox.refusals) {
        this.#world.refusals.set(address, refusals + 1);
        this.#host.count(mailbox.plain ? 'greylisted, plain' : 'greylisted');
        return mailbox.plain ? '451 4.7.1 Try again later' : '451 4.7.1 Greylisted, try again in 300 seconds';
      }
    }
    this.#recipients.push(address);
    return '250 2.1.5 Ok';
  }

  #takeChunk(chunk: { left: number; last: boolean }): boolean {
    const octets = this.#input.subarray(0, chunk.left);
    this.#input = this.#input.subarray(octets.length);
    this.#content.push(octets);
    chunk.left -= octets.length;
    if (chunk.left > 0) return false;
    this.#chunk = undefined;
    // RFC 3030 §2: what was transmitted for a refused transaction is discarded.
    if (this.#recipients.length === 0) this.#refuse('503 5.5.1 No recipients');
    else if (this.#host.plan.refusesChunking) {
      this.#host.count('chunkingRefused');
      this.#refuse('502 5.5.1 Command not implemented');
    } else if (chunk.last) this.#final(Buffer.concat(this.#content).toString());
    else this.#reply('250 2.0.0 Ok');
    return true;
  }

  #takeData(): boolean {
    const end = this.#input.indexOf('\r\n.\r\n');
    if (end < 0) return false;
    const content = this.#input.subarray(0, end + 2).toString();
    this.#input = this.#input.subarray(end + 5);
    this.#inData = false;
    this.#final(content);
    return true;
  }

  /** The end of the content: what the host decides here is the truth. */
  #final(content: string): void {
    if (this.#host.meets('cutInContent')) this.#breakOff();
    else if (this.#host.meets('final4')) this.#refuse('451 4.3.0 Later');
    else if (this.#host.meets('final5')) this.#refuse('554 5.6.0 Not this one');
    else this.#accept(content);
  }

  #accept(content: string): void {
    const acceptance: Acceptance = {
      host: this.#host.plan.name,
      messageId: /^Message-ID: *(<[^>]*>)/im.exec(content)?.[1] ?? '',
      recipients: this.#recipients,
      appearance: appearanceOf(
        content,
        {
          session: this.#startedAt,
          localAddress: this.#localAddress,
          hostname: this.#hostname,
          user: this.#user,
        },
        this.#sender ?? '',
      ),
      at: this.#world.clock.now(),
      step: this.#world.touch(),
      sessionStep: this.#startedAt,
      life: this.#life,
      replied: false,
      lost: undefined,
    };
    this.#world.accepted(acceptance);
    this.#reset();
    if (this.#host.meets('cutAfterAcceptance')) {
      acceptance.lost = 'here';
      acceptance.answeredBefore = this.#host.answered;
      this.#breakOff();
      return;
    }
    this.#reply('250 2.0.0 Accepted', undefined, acceptance);
  }

  #refuse(reply: string): void {
    this.#reset();
    this.#reply(reply);
  }

  #reset(): void {
    this.#sender = undefined;
    this.#recipients = [];
    this.#content = [];
  }

  /** Writes a reply after the host's latency, then goes on. */
  #reply(reply: string, then?: () => void, acceptance?: Acceptance): void {
    this.#busy = true;
    this.#world.clock.setTimer(() => {
      this.#world.touch();
      if (this.over) return;
      this.#outbox.push({ text: `${reply}\r\n`, acceptance });
      const more = this.#host.plan.buffers && this.#input.includes('\r\n') && then === undefined;
      if (!more) this.#flush();
      this.#busy = false;
      then?.();
      this.#work();
    }, this.#host.latencyMs());
  }

  /** The connection breaks, and replies that were not sent yet are lost. */
  #breakOff(): void {
    for (const { acceptance } of this.#outbox) {
      if (!acceptance) continue;
      acceptance.lost = 'behind';
      acceptance.answeredBefore = this.#host.answered;
    }
    this.cut();
  }

  #flush(): void {
    for (const { text, acceptance } of this.#outbox.splice(0)) {
      this.#stream.write(text);
      if (!acceptance) continue;
      acceptance.replied = true;
      this.#host.answered++;
      if (isSlow(this.#host.plan)) this.#host.count('slow answer');
    }
  }

  /** Closes the session: what was written after the command that ends it is not read. */
  #end(): void {
    this.#hung = true;
    this.#stream.end();
  }
}
