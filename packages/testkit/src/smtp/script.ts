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

/** What a step of a script knows about the moment. */
export interface StepContext {
  /** The command line as received, without CRLF; empty for the greeting. */
  readonly line: string;
  /** The text after the verb. */
  readonly argument: string;
  /** RCPT, and the content step in LMTP: the recipient that is asked about, without angle brackets. */
  readonly recipient: string;
  /** The session so far. */
  readonly session: SmtpSessionRecord;
  /** The transaction that is open; undefined outside of one. */
  readonly transaction: SmtpTransactionRecord | undefined;
}

/** An answer, or a function that gives one; undefined leaves the answer to the host. */
export type Step = Answer | ((context: StepContext) => Answer | undefined | Promise<Answer | undefined>);

/**
 * What a host does differently from a good server. Stages are independent; a stage that is not given behaves well.
 *
 * @example
 * const script: SmtpScript = {
 *   greeting: { code: 220, text: 'mx.example.test', cut: 'octets' },
 *   recipients: { 'full@example.test': '452 4.2.2 Mailbox full' },
 *   content: inTurn('451 4.7.1 Greylisted, try again', 250),
 * };
 */
export interface SmtpScript {
  /** On connection. */
  readonly greeting?: Step | undefined;
  /** EHLO (and LHLO); default the keywords. */
  readonly ehlo?: Step | undefined;
  readonly helo?: Step | undefined;
  /** An answer that starts with 220 begins the handshake; octets behind its line in `raw` go out in clear text. */
  readonly starttls?: Step | undefined;
  readonly mail?: Step | undefined;
  /** Every RCPT that `recipients` does not name. */
  readonly rcpt?: Step | undefined;
  /** RCPT by address, in lower case. */
  readonly recipients?: Readonly<Record<string, Step>> | undefined;
  /** DATA; an answer that starts with 354 takes the content. */
  readonly data?: Step | undefined;
  /** After the content (the final dot, or BDAT LAST); in LMTP once per accepted recipient. */
  readonly content?: Step | undefined;
  /** LMTP only: the content answer by address, in lower case. */
  readonly contentRecipients?: Readonly<Record<string, Step>> | undefined;
  /** A BDAT chunk that is not the last. */
  readonly bdat?: Step | undefined;
  readonly rset?: Step | undefined;
  readonly noop?: Step | undefined;
  readonly vrfy?: Step | undefined;
  readonly quit?: Step | undefined;
  /** Commands by verb in upper case, also those above: asked first. */
  readonly verbs?: Readonly<Record<string, Step>> | undefined;
  /** Ends the session in the middle of the content, after this many octets of it. */
  readonly duringContent?: DuringContent | undefined;
}

/** How a session ends in the middle of the content. */
export interface DuringContent {
  readonly afterOctets: number;
  readonly action: 'close' | 'reset' | 'stop-reading';
}

const step = matching<Step>(
  'a reply code, the text of a reply, a reply object, or a function',
  (value) => ['number', 'string', 'function', 'object'].includes(typeof value) && value !== null,
);

/** What `SmtpScript` accepts; answers are read when they are given. */
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

/** TLS of a host: the options of a server-side `tls.TLSSocket`, `key` and `cert` at least. */
export interface SmtpHostTls extends TLSSocketOptions {
  /** How the handshake goes; default `normal`. */
  readonly handshake?: 'normal' | 'garbage' | 'close' | 'reset' | 'hang' | undefined;
}

/** AUTH as a host offers it. */
export interface SmtpHostAuth {
  /** Mechanisms in the EHLO reply; default PLAIN and LOGIN. */
  readonly mechanisms?: readonly string[] | undefined;
  /** User names and passwords that PLAIN and LOGIN take; default none. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** Runs the exchange instead: the way for every other mechanism. */
  readonly exchange?: ((exchange: AuthExchange) => Answer | Promise<Answer>) | undefined;
}

/** What `SmtpHostAuth` accepts. */
export const hostAuthOptions = {
  mechanisms: list(text()),
  users: record(text()),
  exchange: callback<NonNullable<SmtpHostAuth['exchange']>>(),
} satisfies OptionTable<SmtpHostAuth>;

/** One AUTH command. */
export interface AuthExchange {
  /** In upper case. */
  readonly mechanism: string;
  /** The initial response, decoded; undefined when the command had none. RFC 4954 §4. */
  readonly initial: Buffer | undefined;
  /** Sends a 334 challenge and resolves to the decoded response, or to `*` when the client cancels. */
  challenge(octets: string | Uint8Array): Promise<Buffer | '*'>;
  readonly session: SmtpSessionRecord;
}

/** A step that gives these answers one after another, and the last one from then on. */
export function inTurn(...answers: readonly (Answer | undefined)[]): Step {
  let turn = 0;
  return () => answers[Math.min(turn++, answers.length - 1)];
}
