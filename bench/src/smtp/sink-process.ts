/**
 * Child process: an SMTP server that accepts everything as fast as Node can read, for what smtp-sink cannot do.
 * It answers all commands of one read with one write, and counts messages, not lines.
 */
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

/** What the sink offers. */
export interface SinkOptions {
  readonly chunking: boolean;
  /** Address that it listens on; default 127.0.0.1. */
  readonly host?: string;
  /** PEM key and certificate; with them STARTTLS is offered. */
  readonly certificate?: { readonly key: string; readonly cert: string };
}

/** What the sink took so far. */
export interface SinkReport {
  readonly messages: number;
  /** Octets of content, dots included. */
  readonly octets: number;
  /** The first message since the last report, its dots undone, in base64. */
  readonly firstMessage: string;
}

const options = JSON.parse(process.argv[2]!) as SinkOptions;
const context = options.certificate === undefined ? undefined : createSecureContext(options.certificate);
const END_OF_DATA = Buffer.from('\r\n.\r\n');
const LF = 0x0a;
const MOST_SAMPLED = 2 ** 20;

let messages = 0;
let octetsTaken = 0;
/** One message is kept for the check of what arrives, up to a megabyte: the first one begun after the last report. */
const sample = {
  wanted: true,
  owner: undefined as Session | undefined,
  octets: [] as Buffer[],
  length: 0,
  stuffed: false,
};

/** One connection. `state` says what the next octets are. */
class Session {
  #state: 'command' | 'data' | 'chunk' = 'command';
  #kept: Buffer = Buffer.alloc(0);
  #chunkLeft = 0;
  #chunkIsLast = false;
  #secure: boolean;
  #replies = '';
  readonly #socket: Socket;

  constructor(socket: Socket, secure: boolean) {
    this.#socket = socket;
    this.#secure = secure;
    socket.setNoDelay(true);
    socket.on('data', (octets) => this.#read(octets));
    socket.on('error', () => socket.destroy());
  }

  #read(octets: Buffer): void {
    let input = this.#kept.length === 0 ? octets : Buffer.concat([this.#kept, octets]);
    for (let rest = this.#step(input); rest !== undefined; rest = this.#step(input)) input = rest;
    this.#kept = this.#keep(input);
    if (this.#replies !== '' && !this.#socket.destroyed) this.#socket.write(this.#replies, 'latin1');
    this.#replies = '';
  }

  /** Consumes one command, one message or one chunk; undefined when more octets are needed. */
  #step(input: Buffer): Buffer | undefined {
    if (input.length === 0) return undefined;
    if (this.#state === 'data') return this.#readData(input);
    if (this.#state === 'chunk') return this.#readChunk(input);
    const end = input.indexOf(LF);
    if (end < 0) return undefined;
    const answer = this.#answer(input.toString('latin1', 0, end).trimEnd());
    if (answer !== undefined) this.#reply(answer);
    return input.subarray(end + 1);
  }

  /** Of content only the octets that may begin the end of data are kept. */
  #keep(input: Buffer): Buffer {
    if (this.#state !== 'data' || input.length < END_OF_DATA.length) return Buffer.from(input);
    const keep = END_OF_DATA.length - 1;
    this.#take(input.subarray(0, input.length - keep));
    return Buffer.from(input.subarray(input.length - keep));
  }

  #readData(input: Buffer): Buffer | undefined {
    const end = input.indexOf(END_OF_DATA);
    if (end < 0) return undefined;
    this.#take(input.subarray(0, end + 2));
    this.#endMessage();
    return input.subarray(end + END_OF_DATA.length);
  }

  #readChunk(input: Buffer): Buffer | undefined {
    const taken = Math.min(input.length, this.#chunkLeft);
    this.#take(input.subarray(0, taken));
    this.#chunkLeft -= taken;
    if (this.#chunkLeft > 0) return taken === 0 ? undefined : input.subarray(taken);
    if (this.#chunkIsLast) this.#endMessage();
    else this.#reply('250 2.0.0 chunk taken');
    this.#state = 'command';
    return input.subarray(taken);
  }

  /** Reply to a command, without its CRLF; undefined where the reply comes later or has been sent. */
  #answer(line: string): string | undefined {
    const [verb = '', argument = '', last = ''] = line.toUpperCase().split(' ', 3);
    switch (verb) {
      case 'MAIL':
        this.#beginMessage();
        return '250 2.1.0 ok';
      case 'RCPT':
      case 'RSET':
      case 'NOOP':
      case 'HELO':
        return '250 2.0.0 ok';
      case 'EHLO':
        return this.#greeting();
      case 'DATA':
        this.#state = 'data';
        if (sample.owner === this) sample.stuffed = true;
        return '354 go on';
      case 'BDAT':
        this.#chunkLeft = Number(argument);
        this.#chunkIsLast = last === 'LAST';
        this.#state = 'chunk';
        // BDAT 0 LAST has no octets to wait for.
        if (this.#chunkLeft === 0) this.#readChunk(Buffer.alloc(0));
        return undefined;
      case 'STARTTLS':
        return this.#startTls();
      case 'QUIT':
        this.#socket.end(`${this.#replies}221 2.0.0 bye\r\n`, 'latin1');
        this.#replies = '';
        return undefined;
      default:
        return '500 5.5.1 unknown';
    }
  }

  #greeting(): string {
    const keywords = ['PIPELINING', '8BITMIME', 'SIZE 0', 'ENHANCEDSTATUSCODES'];
    if (options.chunking) keywords.push('CHUNKING');
    if (context !== undefined && !this.#secure) keywords.push('STARTTLS');
    const lines = ['sink.example.com', ...keywords];
    return lines.map((text, i) => `250${i < lines.length - 1 ? '-' : ' '}${text}`).join('\r\n');
  }

  #startTls(): string | undefined {
    if (context === undefined) return '502 5.5.1 no TLS here';
    this.#socket.write('220 2.0.0 go\r\n');
    this.#socket.removeAllListeners('data');
    new Session(new TLSSocket(this.#socket, { isServer: true, secureContext: context }), true);
    return undefined;
  }

  #beginMessage(): void {
    if (!sample.wanted) return;
    Object.assign(sample, { wanted: false, owner: this, octets: [], length: 0, stuffed: false });
  }

  #take(octets: Buffer): void {
    octetsTaken += octets.length;
    if (sample.owner !== this) return;
    sample.octets.push(Buffer.from(octets));
    sample.length += octets.length;
    if (sample.length > MOST_SAMPLED) sample.owner = undefined;
  }

  #endMessage(): void {
    messages++;
    this.#state = 'command';
    if (sample.owner === this) sample.owner = undefined;
    this.#reply('250 2.0.0 taken');
  }

  #reply(text: string): void {
    this.#replies += `${text}\r\n`;
  }
}

const server = createServer((socket) => {
  socket.write('220 sink.example.com ESMTP\r\n');
  new Session(socket, false);
});
server.listen({ port: 0, host: options.host ?? '127.0.0.1', backlog: 2000 }, () => {
  process.send?.((server.address() as { port: number }).port);
});
process.on('disconnect', () => process.exit());
process.on('message', () => {
  const kept = Buffer.concat(sample.octets).toString('latin1');
  // RFC 5321 §4.5.2: the dot that was put in front of a dot goes.
  const message = sample.stuffed ? kept.replaceAll('\r\n..', '\r\n.') : kept;
  sample.wanted = true;
  const report: SinkReport = {
    messages,
    octets: octetsTaken,
    firstMessage: Buffer.from(message, 'latin1').toString('base64'),
  };
  process.send?.(report);
});
