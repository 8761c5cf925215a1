import { checkType, type Reply, SmtpError } from '../../errors.ts';
import type { SessionLimits } from '../session/limits.ts';
import { ReplyCache } from './reply-cache.ts';
import { readText } from './reply-text.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;
const HYPHEN = 45;

/**
 * Parses replies from octets that arrive in pieces of any size (RFC 5321 §4.2).
 *
 * Add octets with {@link ReplyParser.push}, then call {@link ReplyParser.next} until it returns undefined. Between calls
 * it holds at most one line and one reply, both bounded.
 *
 * @example
 * const parser = new ReplyParser(defaultLimits);
 * parser.push(new TextEncoder().encode('250-mx.example.com\r\n250 SIZE\r\n'));
 * parser.next(); // { code: 250, lines: ['mx.example.com', 'SIZE'] }
 */
export class ReplyParser {
  readonly #limits: Pick<SessionLimits, 'replyLineOctets' | 'replyLines' | 'replyTextOctets'>;
  #chunk: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #partial = new Uint8Array(256);
  #partialLength = 0;
  #code = 0;
  #lines: string[] = [];
  #lineCount = 0;
  #textOctets = 0;
  #enhanced: string | undefined;
  readonly #kept = new ReplyCache();

  /** @throws {SmtpError} MB_SMTP_OPTION */
  constructor(limits: Pick<SessionLimits, 'replyLineOctets' | 'replyLines' | 'replyTextOctets'>) {
    const { replyLineOctets, replyLines, replyTextOctets } = limits ?? {};
    for (const limit of [replyLineOctets, replyLines, replyTextOctets])
      checkType(
        Number.isSafeInteger(limit) && limit > 0,
        'ReplyParser: each of its limits',
        'a whole number over 0',
      );
    this.#limits = { replyLineOctets, replyLines, replyTextOctets };
  }

  /** Adds octets. All replies of earlier octets must have been read. */
  push(octets: Uint8Array): void {
    checkType(octets instanceof Uint8Array, 'ReplyParser.push: octets', 'a Uint8Array');
    this.#chunk = octets;
    this.#offset = 0;
  }

  /** Whether there are octets of an incomplete reply. */
  get pending(): boolean {
    return this.#offset < this.#chunk.length || this.#partialLength > 0 || this.#lineCount > 0;
  }

  /**
   * Returns the next complete reply, or undefined when more octets are needed.
   * @throws {SmtpError} MB_SMTP_REPLY_SYNTAX for anything that is not a reply; do not use the parser afterwards.
   */
  next(): Reply | undefined {
    for (;;) {
      const chunk = this.#chunk;
      const start = this.#offset;
      const end = chunk.indexOf(LF, start);
      if (end < 0) {
        this.#keep(chunk, start);
        return undefined;
      }
      this.#offset = end + 1;
      let reply: Reply | undefined;
      if (this.#partialLength === 0) {
        reply = this.#line(chunk, start, end);
      } else {
        this.#append(chunk, start, end);
        const length = this.#partialLength;
        this.#partialLength = 0;
        reply = this.#line(this.#partial, 0, length);
      }
      if (reply) return reply;
    }
  }

  #keep(chunk: Uint8Array, start: number): void {
    if (start < chunk.length) this.#append(chunk, start, chunk.length);
    this.#offset = chunk.length;
  }

  #append(chunk: Uint8Array, start: number, end: number): void {
    const length = this.#partialLength + end - start;
    if (length >= this.#limits.replyLineOctets) throw this.#tooLong();
    if (length > this.#partial.length) {
      const larger = new Uint8Array(Math.max(length, this.#partial.length * 2));
      larger.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = larger;
    }
    this.#partial.set(chunk.subarray(start, end), this.#partialLength);
    this.#partialLength = length;
  }

  /** Parses a line without its LF. RFC 5321 §4.2.1 requires CRLF; a lone LF is accepted too. */
  #line(octets: Uint8Array, start: number, lineEnd: number): Reply | undefined {
    if (lineEnd - start >= this.#limits.replyLineOctets) throw this.#tooLong();
    const end = lineEnd > start && octets[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    const alone = this.#lineCount === 0;
    const kept = alone ? this.#kept.find(octets, start, end) : undefined;
    if (kept) return kept;
    const code = parseCode(octets, start, end);
    const separator = end - start > 3 ? octets[start + 3] : SPACE;
    if (code === undefined || (separator !== SPACE && separator !== HYPHEN)) {
      throw replySyntax(
        'The server sent a line that is no SMTP reply (three digits, then a space or a hyphen).',
      );
    }
    // RFC 5321 §4.2.1: every line of a reply has the same code.
    if (this.#lineCount > 0 && code !== this.#code) {
      throw replySyntax(`The server mixed the codes ${this.#code} and ${code} in one reply.`);
    }
    this.#code = code;
    this.#lineCount += 1;
    if (this.#lineCount > this.#limits.replyLines) {
      throw replySyntax(`The server sent a reply of more than ${this.#limits.replyLines} lines.`);
    }
    this.#text(octets, Math.min(start + 4, end), end, code);
    if (separator === HYPHEN) return undefined;
    const reply = this.#complete();
    if (alone) this.#kept.keep(octets, start, end, reply);
    return reply;
  }

  #text(octets: Uint8Array, start: number, end: number, code: number): void {
    const room = this.#limits.replyTextOctets - this.#textOctets;
    if (room <= 0 && end > start) return;
    const { text, status } = readText(octets, start, Math.min(end, start + room));
    this.#textOctets += end - start;
    this.#lines.push(text);
    // RFC 2034 §4: the class of the status must be the first digit of the code.
    if (status !== undefined && Number(status[0]) === Math.floor(code / 100)) this.#enhanced ??= status;
  }

  #complete(): Reply {
    const enhanced = this.#enhanced;
    const reply: Reply =
      enhanced === undefined
        ? { code: this.#code, lines: this.#lines }
        : { code: this.#code, enhanced, lines: this.#lines };
    this.#lines = [];
    this.#lineCount = 0;
    this.#textOctets = 0;
    this.#enhanced = undefined;
    return reply;
  }

  #tooLong(): SmtpError {
    return replySyntax(`The server sent a reply line of more than ${this.#limits.replyLineOctets} octets.`);
  }
}

/** RFC 5321 §4.2: `Reply-code = %x32-35 %x30-35 %x30-39`; any second digit is accepted. */
function parseCode(octets: Uint8Array, start: number, end: number): number | undefined {
  if (end - start < 3) return undefined;
  const first = octets[start]! - 48;
  const second = octets[start + 1]! - 48;
  const third = octets[start + 2]! - 48;
  if (first < 2 || first > 5 || second < 0 || second > 9 || third < 0 || third > 9) return undefined;
  return first * 100 + second * 10 + third;
}

function replySyntax(message: string): SmtpError {
  return new SmtpError(`${message} The session was closed; try again later or use another host.`, {
    code: 'MB_SMTP_REPLY_SYNTAX',
    kind: 'peer-misbehaved',
    scope: 'session',
    stage: 'idle',
    retryable: true,
  });
}
