/** Returns a random integer from 0 to `most`. */
export type Draw = (most: number) => number;

/** A message that a model host accepted for a recipient. */
export interface Taken {
  readonly from: string;
  readonly recipient: string;
  readonly content: string;
}

const latin1 = new TextDecoder('latin1');

/**
 * A server without a socket that records what it accepted. It refuses commands at random, and ends the session at random,
 * before or after it has executed a command.
 */
export class ModelHost {
  readonly taken: Taken[] = [];
  /** Messages that it accepted without sending the reply. */
  readonly silentlyTaken: Taken[] = [];
  /** Set when the session is over. */
  ended = false;
  /** Commands that a correct client does not send, such as one in the middle of content. */
  readonly complaints: string[] = [];
  readonly #draw: Draw;
  readonly #keywords: readonly string[];
  readonly #faults: boolean;
  #input = '';
  #output: string;
  #mode: 'command' | 'data' | 'chunk' = 'command';
  #from: string | undefined;
  #recipients: string[] = [];
  #content = '';
  #chunkLeft = 0;
  #chunkLast = false;
  #chunkFailed = false;
  /** Whether it refuses commands that arrive together with an end of data, as Haraka does. */
  readonly #impatient: boolean;
  #afterEnd = false;

  constructor(keywords: readonly string[], draw: Draw, faults: boolean) {
    this.#keywords = keywords;
    this.#draw = draw;
    this.#faults = faults;
    this.#impatient = draw(3) === 0;
    this.#output = '220 model\r\n';
  }

  receive(octets: Uint8Array): void {
    if (this.ended) return;
    this.#input += latin1.decode(octets);
    while (!this.ended && this.#step());
    this.#afterEnd = false;
  }

  /** Octets for the client. */
  take(): Uint8Array {
    const octets = Buffer.from(this.#output, 'latin1');
    this.#output = '';
    return octets;
  }

  #step(): boolean {
    if (this.#mode === 'data') return this.#readData();
    if (this.#mode === 'chunk') return this.#readChunk();
    const at = this.#input.indexOf('\r\n');
    if (at < 0) return false;
    const line = this.#input.slice(0, at);
    this.#input = this.#input.slice(at + 2);
    this.#command(line);
    return true;
  }

  #command(line: string): void {
    const argument = /<([^>]*)>/.exec(line)?.[1];
    const verb = line.slice(0, 4).toUpperCase();
    if (this.#afterEnd && verb !== 'QUIT') {
      this.#reply('503 pipelined after the end of data');
      return;
    }
    if (verb === 'EHLO')
      this.#reply(`250-model\r\n${this.#keywords.map((word) => `250-${word}\r\n`).join('')}250 HELP`);
    else if (verb === 'MAIL') this.#mail(argument!);
    else if (verb === 'RCPT') this.#rcpt(argument!);
    else if (verb === 'DATA') this.#data();
    else if (verb === 'BDAT') this.#bdat(line);
    else if (verb === 'RSET') this.#reset('250 reset');
    else if (verb === 'QUIT') this.#reply('221 bye');
    else {
      this.complaints.push(line);
      this.#reply('500 what?');
    }
  }

  #mail(from: string): void {
    if (this.#from !== undefined) {
      this.#reply('503 nested MAIL');
      return;
    }
    if (this.#chance(15)) {
      this.#reply('550 5.7.1 not you');
      return;
    }
    this.#from = from;
    this.#reply('250 ok');
  }

  #rcpt(recipient: string): void {
    if (this.#from === undefined) {
      this.#reply('503 no MAIL');
      return;
    }
    if (this.#chance(8)) {
      this.#reply('550 5.1.1 no such user');
      return;
    }
    if (this.#chance(8)) {
      this.#reply('450 4.2.0 later');
      return;
    }
    if (this.#recipients.length > 0 && this.#chance(8)) {
      this.#reply('452 4.5.3 too many');
      return;
    }
    this.#recipients.push(recipient);
    this.#reply('250 ok');
  }

  #data(): void {
    if (this.#from === undefined) {
      this.#reply('503 no MAIL');
      return;
    }
    if (this.#recipients.length === 0 && this.#chance(2)) {
      this.#reply('554 no recipients');
      return;
    }
    if (this.#chance(20)) {
      this.#reply('451 4.3.0 not now');
      return;
    }
    this.#reply('354 go');
    this.#mode = 'data';
  }

  #readData(): boolean {
    const text = `\r\n${this.#input}`;
    const at = text.indexOf('\r\n.\r\n');
    if (at < 0) return false;
    this.#content = text.slice(2, at + 2).replace(/(^|\r\n)\./g, '$1');
    this.#input = text.slice(at + 5);
    this.#mode = 'command';
    this.#afterEnd = this.#impatient;
    this.#finish();
    return true;
  }

  #bdat(line: string): void {
    const match = /^BDAT (\d+)( LAST)?$/.exec(line);
    if (!match) this.complaints.push(line);
    this.#chunkLeft = Number(match?.[1]);
    this.#chunkLast = match?.[2] !== undefined;
    this.#mode = 'chunk';
  }

  #readChunk(): boolean {
    if (this.#input.length < this.#chunkLeft) return false;
    this.#content += this.#input.slice(0, this.#chunkLeft);
    this.#input = this.#input.slice(this.#chunkLeft);
    this.#mode = 'command';
    const usable = this.#from !== undefined && this.#recipients.length > 0 && !this.#chunkFailed;
    if (!usable) {
      // RFC 3030 §2: the octets are discarded; whether the transaction is forgotten differs between servers.
      this.#content = '';
      if (this.#chunkLast && this.#chance(2)) this.#forget();
      this.#reply('503 no transaction');
    } else if (this.#chunkLast) {
      this.#finish();
    } else if (this.#chance(10)) {
      this.#chunkFailed = true;
      this.#reply('552 5.3.4 too big');
    } else {
      this.#reply('250 more');
    }
    return true;
  }

  #finish(): void {
    const refused = this.#chance(6);
    const taken = refused
      ? []
      : this.#recipients.map((recipient) => ({ from: this.#from!, recipient, content: this.#content }));
    this.#forget();
    if (refused) {
      this.#reply(this.#chance(2) ? '554 5.6.0 bad' : '451 4.7.1 greylisted');
      return;
    }
    if (this.#fault()) {
      // It accepted the message, and the connection broke before the reply.
      this.silentlyTaken.push(...taken);
      this.ended = true;
      return;
    }
    this.taken.push(...taken);
    this.#output += '250 taken\r\n';
  }

  #reset(reply: string): void {
    this.#forget();
    this.#reply(reply);
  }

  #forget(): void {
    this.#from = undefined;
    this.#recipients = [];
    this.#content = '';
    this.#chunkFailed = false;
  }

  #reply(text: string): void {
    if (this.#fault()) {
      this.#output += ['', '421 4.3.2 closing\r\n', '25', '???\r\n'][this.#draw(3)]!;
      this.ended = true;
      return;
    }
    this.#output += `${text}\r\n`;
  }

  #chance(oneIn: number): boolean {
    return this.#draw(oneIn - 1) === 0;
  }

  #fault(): boolean {
    return this.#faults && this.#chance(25);
  }
}
