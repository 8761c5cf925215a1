/**
 * The floors: SMTP over `node:net` and `node:tls` with nothing around it. They check that every reply is positive and
 * do nothing else, so they show what Node allows for each way of using the protocol.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CLIENT, MESSAGE, RECIPIENT, SENDER } from './payload.ts';

/**
 * How far commands run ahead of replies:
 * `lockstep` waits after each command; `one-write` groups MAIL, RCPT and DATA (RFC 2920); `overlap` also puts the end of
 * a message and the next one's commands into one group (RFC 2920 §3.1); `bdat-window` keeps 16 messages in flight
 * (RFC 3030 §2).
 */
export type FloorStyle = 'lockstep' | 'one-write' | 'overlap' | 'bdat-window';

/** Octets to write, how many replies they earn, and how many messages are then done. */
interface Group {
  readonly octets: Buffer;
  readonly replies: number;
  readonly messages: number;
}

const WINDOW = 16;
const LF = 0x0a;
const HYPHEN = 0x2d;

const MAIL = Buffer.from(`MAIL FROM:<${SENDER}>\r\n`);
const DATA = Buffer.from('DATA\r\n');
const STUFFED = Buffer.from(`${MESSAGE.toString('latin1').replaceAll('\r\n.', '\r\n..')}.\r\n`, 'latin1');
const BDAT = Buffer.concat([Buffer.from(`BDAT ${MESSAGE.length} LAST\r\n`), MESSAGE]);

/** What the styles write for a message to these recipients, made once. */
export class FloorWrites {
  readonly rcpts: readonly Buffer[];
  readonly commands: Buffer;
  readonly overlapped: Buffer;
  readonly bdat: Buffer;

  constructor(recipients: readonly string[]) {
    this.rcpts = recipients.map((recipient) => Buffer.from(`RCPT TO:<${recipient}>\r\n`));
    this.commands = Buffer.concat([MAIL, ...this.rcpts, DATA]);
    this.overlapped = Buffer.concat([STUFFED, this.commands]);
    this.bdat = Buffer.concat([MAIL, ...this.rcpts, BDAT]);
  }
}

const toOne = new FloorWrites([RECIPIENT]);

/** A greeted connection that sends the one message again and again. */
export class FloorConnection {
  #socket: Socket;
  #waiting: { readonly inFlight: number[]; next(): void; fail(error: Error): void } | undefined;
  /** The place of the next octet of a reply in its line, and what the fourth octet of that line was. */
  #column = 0;
  #more = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  static async open(port: number, startTls: boolean, host = '127.0.0.1'): Promise<FloorConnection> {
    const connection = new FloorConnection(connect({ port, host, noDelay: true }));
    await connection.#exchange(Buffer.alloc(0));
    await connection.#exchange(Buffer.from(`EHLO ${CLIENT}\r\n`));
    if (!startTls) return connection;
    await connection.#exchange(Buffer.from('STARTTLS\r\n'));
    connection.#socket.removeAllListeners();
    connection.#socket = connectTls({ socket: connection.#socket, rejectUnauthorized: false });
    await once(connection.#socket, 'secureConnect');
    connection.#listen();
    await connection.#exchange(Buffer.from(`EHLO ${CLIENT}\r\n`));
    return connection;
  }

  /**
   * Sends the message the given number of times; resolves with the number of messages that were accepted.
   *
   * @param writes  Default: to the one recipient of most rows.
   */
  async send(count: number, style: FloorStyle, writes: FloorWrites = toOne): Promise<number> {
    const groups = groupsOf(style, count, writes);
    return this.#run(groups, style === 'bdat-window' ? WINDOW : 1);
  }

  close(): void {
    this.#socket.end('QUIT\r\n');
  }

  async #exchange(octets: Buffer): Promise<void> {
    await this.#run([{ octets, replies: 1, messages: 0 }].values(), 1);
  }

  /** Writes groups, at most `window` of them without their replies. */
  #run(groups: Iterator<Group>, window: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const waiting: Group[] = [];
      const left: number[] = [];
      let accepted = 0;
      const write = () => {
        this.#socket.cork();
        while (waiting.length < window) {
          const group = groups.next();
          if (group.done) break;
          waiting.push(group.value);
          left.push(group.value.replies);
          this.#socket.write(group.value.octets);
        }
        this.#socket.uncork();
        if (waiting.length > 0) return;
        this.#waiting = undefined;
        resolve(accepted);
      };
      const next = () => {
        while (left[0] === 0) {
          left.shift();
          accepted += waiting.shift()!.messages;
        }
        write();
      };
      this.#waiting = { inFlight: left, next, fail: reject };
      write();
    });
  }

  #listen(): void {
    this.#socket.on('data', (octets) => this.#read(octets));
    this.#socket.on('error', (error) => this.#waiting?.fail(error));
    this.#socket.on('close', () => this.#waiting?.fail(new Error('the server closed the connection')));
  }

  /** Counts replies; anything but 2xx and 3xx ends the run. */
  #read(octets: Buffer): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    let group = 0;
    for (const octet of octets) {
      if (this.#column === 0 && octet !== 0x32 && octet !== 0x33) {
        waiting.fail(new Error(`the server said ${octets.toString('latin1')}`));
        return;
      }
      if (this.#column === 3) this.#more = octet === HYPHEN;
      this.#column++;
      if (octet !== LF) continue;
      this.#column = 0;
      if (this.#more) continue;
      while (waiting.inFlight[group] === 0) group++;
      waiting.inFlight[group]!--;
    }
    if (waiting.inFlight[0] === 0) waiting.next();
  }
}

function* groupsOf(style: FloorStyle, count: number, writes: FloorWrites): Generator<Group, void> {
  const { rcpts, commands, overlapped, bdat } = writes;
  /** Replies to MAIL, to each RCPT and to DATA. */
  const replies = rcpts.length + 2;
  if (style === 'overlap') yield { octets: commands, replies, messages: 0 };
  for (let i = 1; i <= count; i++) {
    switch (style) {
      case 'lockstep':
        for (const octets of [MAIL, ...rcpts, DATA]) yield { octets, replies: 1, messages: 0 };
        yield { octets: STUFFED, replies: 1, messages: 1 };
        break;
      case 'one-write':
        yield { octets: commands, replies, messages: 0 };
        yield { octets: STUFFED, replies: 1, messages: 1 };
        break;
      case 'overlap':
        if (i < count) yield { octets: overlapped, replies: replies + 1, messages: 1 };
        else yield { octets: STUFFED, replies: 1, messages: 1 };
        break;
      case 'bdat-window':
        yield { octets: bdat, replies, messages: 1 };
        break;
    }
  }
}
