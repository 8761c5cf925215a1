/**
 * The answer of a host at one stage.
 *
 * - a number: that code with its default text, `550`
 * - a string: the whole reply, `'550 5.1.1 No such mailbox'`; a newline in it starts another line of the reply
 * - an object: a reply with delays, cuts or misbehaviour
 */
export type Answer = number | string | Reply;

/** A reply in detail. Without `code`, `text` and `raw`, nothing is sent, but `delayMs` and `after` still apply. */
export interface Reply {
  readonly code?: number;
  /** Text after the code; an array is a multi-line reply. */
  readonly text?: string | readonly string[];
  /** Octets sent unchanged, without an added CRLF, in place of `code` and `text`. A string is encoded as UTF-8. */
  readonly raw?: string | Uint8Array;
  /** Milliseconds before the first octet. */
  readonly delayMs?: number;
  /** Cuts the octets: `'octets'` one by one, a number into pieces of that size, an array into these sizes in turn. */
  readonly cut?: 'octets' | number | readonly number[];
  /** Milliseconds between the pieces; default 0, with one write for each piece. */
  readonly gapMs?: number;
  /** Number of times the octets are sent; `Infinity` sends until the connection ends. Default 1. */
  readonly repeat?: number;
  /**
   * The action after the reply: `continue` (default) · `close` ends the connection · `reset` ends it with RST · `hang`
   * reads further octets and never answers again · `stop-reading` reads nothing more.
   */
  readonly after?: 'continue' | 'close' | 'reset' | 'hang' | 'stop-reading';
}

/** A reply with its octets. */
export interface EncodedReply extends Omit<Reply, 'code' | 'text' | 'raw'> {
  readonly octets: Buffer;
  /** The code that the client reads, or 0 if there is none. */
  readonly code: number;
}

const TEXTS: Readonly<Record<number, string>> = {
  220: 'Service ready',
  221: '2.0.0 Bye',
  235: '2.7.0 Authentication successful',
  250: '2.0.0 OK',
  251: '2.1.5 User not local; will forward',
  252: '2.1.5 Cannot verify the user, but will take the message',
  334: '',
  354: 'End data with <CR><LF>.<CR><LF>',
  421: '4.3.2 Service not available, closing transmission channel',
  450: '4.2.1 Mailbox unavailable, try again later',
  451: '4.3.0 Local error in processing',
  452: '4.5.3 Too many recipients',
  454: '4.7.0 TLS not available due to temporary reason',
  500: '5.5.2 Command not recognized',
  501: '5.5.4 Syntax error in parameters',
  502: '5.5.1 Command not implemented',
  503: '5.5.1 Bad sequence of commands',
  535: '5.7.8 Authentication credentials invalid',
  550: '5.1.1 No such mailbox',
  552: '5.3.4 Message too big',
  554: '5.0.0 Transaction failed',
};

/** Encodes an answer. */
export function encodeReply(answer: Answer): EncodedReply {
  if (typeof answer === 'number') return encodeReply({ code: answer });
  if (typeof answer === 'string') return encodeReply({ ...parseReply(answer) });
  const { code, text, raw, ...behaviour } = answer;
  if (raw !== undefined) {
    const octets = Buffer.from(raw as Uint8Array);
    return { ...behaviour, octets, code: codeOf(octets.toString('latin1')) };
  }
  if (code === undefined && text === undefined) return { ...behaviour, octets: Buffer.alloc(0), code: 0 };
  const lines = typeof text === 'string' ? [text] : (text ?? [TEXTS[code ?? 250] ?? '']);
  return { ...behaviour, octets: Buffer.from(formatReply(code ?? 250, lines)), code: code ?? 250 };
}

/** Cuts the octets of a reply into the pieces that are written. */
export function cutReply(octets: Buffer, cut: Reply['cut']): Buffer[] {
  if (cut === undefined) return octets.length === 0 ? [] : [octets];
  const sizes = cut === 'octets' ? [1] : typeof cut === 'number' ? [cut] : cut;
  const repeats = !Array.isArray(cut);
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < octets.length; turn++) {
    const size = repeats ? (sizes[0] ?? 1) : (sizes[turn] ?? octets.length);
    pieces.push(octets.subarray(at, at + Math.max(1, size)));
    at += Math.max(1, size);
  }
  return pieces;
}

/** RFC 5321 §4.2.1: `code-text` on all lines except the last, which has a space. */
function formatReply(code: number, lines: readonly string[]): string {
  return lines.map((line, i) => `${code}${i < lines.length - 1 ? '-' : ' '}${line}\r\n`).join('');
}

function parseReply(text: string): { code: number; text: string[] } | { raw: string } {
  const code = codeOf(text);
  if (code === 0) return { raw: `${text}\r\n` };
  return { code, text: text.split(/\r?\n/).map((line) => line.replace(/^\d{3}[ -]?/, '')) };
}

function codeOf(text: string): number {
  return /^\d{3}/.test(text) ? Number(text.slice(0, 3)) : 0;
}
