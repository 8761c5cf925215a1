import type { TLSSocketOptions } from 'node:tls';
import {
  callback,
  group,
  integer,
  list,
  matching,
  type OptionTable,
  record,
  required,
  text,
  word,
} from '../option-table.ts';
import type { SmtpSessionRecord, SmtpTransactionRecord } from './record.ts';
import type { Answer } from './reply.ts';

/** The context in which a step of a script is called. */
export interface StepContext {
  /** The command line as received, without CRLF; empty for the greeting. */
  readonly line: string;
  /** The text after the verb. */
  readonly argument: string;
  /** The recipient of RCPT, or of a content answer in LMTP, without angle brackets; otherwise empty. */
  readonly recipient: string;
  /** The session so far. */
  readonly session: SmtpSessionRecord;
  /** The open transaction; undefined if there is none. */
  readonly transaction: SmtpTransactionRecord | undefined;
}

/** An answer, or a function that returns one; if it returns undefined, the host gives its default answer. */
export type Step = Answer | ((context: StepContext) => Answer | undefined | Promise<Answer | undefined>);

/**
 * How a host differs from a correct server. Stages are independent; a stage without a step has its default answer.
 *
 * @example
 * const script: SmtpScript = {
 *   greeting: { code: 220, text: 'mx.example.test', cut: 'octets' },
 *   recipients: { 'full@example.test': '452 4.2.2 Mailbox full' },
 *   content: inTurn('451 4.7.1 Greylisted, try again', 250),
 * };
 */
export interface SmtpScript {
  /** The answer to a new connection. */
  readonly greeting?: Step | undefined;
  /** EHLO and LHLO; default the keywords. */
  readonly ehlo?: Step | undefined;
  readonly helo?: Step | undefined;
  /** An answer with code 220 begins the handshake; octets after its line in `raw` are sent in clear text. */
  readonly starttls?: Step | undefined;
  readonly mail?: Step | undefined;
  /** RCPT of addresses that are not in `recipients`. */
  readonly rcpt?: Step | undefined;
  /** RCPT by lower-case address. */
  readonly recipients?: Readonly<Record<string, Step>> | undefined;
  /** DATA; after an answer with code 354, the content is read. */
  readonly data?: Step | undefined;
  /** After the content (the final dot, or BDAT LAST); in LMTP once per accepted recipient. */
  readonly content?: Step | undefined;
  /** LMTP only: the answer to the content by lower-case address. */
  readonly contentRecipients?: Readonly<Record<string, Step>> | undefined;
  /** A BDAT chunk that is not the last. */
  readonly bdat?: Step | undefined;
  readonly rset?: Step | undefined;
  readonly noop?: Step | undefined;
  readonly vrfy?: Step | undefined;
  readonly quit?: Step | undefined;
  /** Commands by upper-case verb; takes precedence over the steps above. */
  readonly verbs?: Readonly<Record<string, Step>> | undefined;
  /** Ends the session, or stops reading, in the middle of the content. */
  readonly duringContent?: DuringContent | undefined;
}

/** After how many octets of content the host stops serving a session, and how. */
export interface DuringContent {
  readonly afterOctets: number;
  readonly action: 'close' | 'reset' | 'stop-reading';
}

const step = matching<Step>(
  'a reply code, the text of a reply, a reply object, or a function',
  (value) => ['number', 'string', 'function', 'object'].includes(typeof value) && value !== null,
);

/** The checks of `SmtpScript`; answers are checked when they are sent. */
export const scriptOptions = {
  greeting: step,
  ehlo: step,
  helo: step,
  starttls: step,
  mail: step,
  rcpt: step,
  recipients: record<Step>(step),
  data: step,
  content: step,
  contentRecipients: record<Step>(step),
  bdat: step,
  rset: step,
  noop: step,
  vrfy: step,
  quit: step,
  verbs: record<Step>(step),
  duringContent: group<DuringContent>({
    afterOctets: required(integer(0, Number.MAX_SAFE_INTEGER, { unit: 'octets' })),
    action: required(word(['close', 'reset', 'stop-reading'])),
  }),
} satisfies OptionTable<SmtpScript>;

/** TLS of a host: the options of a server-side `tls.TLSSocket`, at least `key` and `cert`. */
export interface SmtpHostTls extends TLSSocketOptions {
  /** What the host does in place of a handshake; default `normal`, a handshake. */
  readonly handshake?: 'normal' | 'garbage' | 'close' | 'reset' | 'hang' | undefined;
}

/** AUTH of a host. */
export interface SmtpHostAuth {
  /** Mechanisms in the EHLO reply; default PLAIN and LOGIN. */
  readonly mechanisms?: readonly string[] | undefined;
  /** Passwords by user name, for PLAIN and LOGIN; default none. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** Runs the exchange in place of the host; needed for all other mechanisms. */
  readonly exchange?: ((exchange: AuthExchange) => Answer | Promise<Answer>) | undefined;
}

/** The checks of `SmtpHostAuth`. */
export const hostAuthOptions = {
  mechanisms: list(text()),
  users: record(text()),
  exchange: callback<NonNullable<SmtpHostAuth['exchange']>>(),
} satisfies OptionTable<SmtpHostAuth>;

/** One AUTH command. */
export interface AuthExchange {
  /** In upper case. */
  readonly mechanism: string;
  /** The decoded initial response; undefined if the command had none (RFC 4954 §4). */
  readonly initial: Buffer | undefined;
  /** Sends a 334 challenge and resolves to the decoded response, or to `*` if the client cancels or disconnects. */
  challenge(octets: string | Uint8Array): Promise<Buffer | '*'>;
  readonly session: SmtpSessionRecord;
}

/** Returns a step that gives these answers in turn, and then repeats the last one. */
export function inTurn(...answers: readonly (Answer | undefined)[]): Step {
  let turn = 0;
  return () => answers[Math.min(turn++, answers.length - 1)];
}
