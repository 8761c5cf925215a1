import type { TLSSocketOptions } from 'node:tls';
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
  readonly greeting?: Step;
  /** EHLO (and LHLO); default the keywords. */
  readonly ehlo?: Step;
  readonly helo?: Step;
  /** An answer that starts with 220 begins the handshake; octets behind its line in `raw` go out in clear text. */
  readonly starttls?: Step;
  readonly mail?: Step;
  /** Every RCPT that `recipients` does not name. */
  readonly rcpt?: Step;
  /** RCPT by address, in lower case. */
  readonly recipients?: Readonly<Record<string, Step>>;
  /** DATA; an answer that starts with 354 takes the content. */
  readonly data?: Step;
  /** After the content (the final dot, or BDAT LAST); in LMTP once per accepted recipient. */
  readonly content?: Step;
  /** LMTP only: the content answer by address, in lower case. */
  readonly contentRecipients?: Readonly<Record<string, Step>>;
  /** A BDAT chunk that is not the last. */
  readonly bdat?: Step;
  readonly rset?: Step;
  readonly noop?: Step;
  readonly vrfy?: Step;
  readonly quit?: Step;
  /** Commands by verb in upper case, also those above: asked first. */
  readonly verbs?: Readonly<Record<string, Step>>;
  /** Ends the session in the middle of the content, after this many octets of it. */
  readonly duringContent?: {
    readonly afterOctets: number;
    readonly action: 'close' | 'reset' | 'stop-reading';
  };
}

/** TLS of a host: the options of a server-side `tls.TLSSocket`, `key` and `cert` at least. */
export interface SmtpHostTls extends TLSSocketOptions {
  /** How the handshake goes; default `normal`. */
  readonly handshake?: 'normal' | 'garbage' | 'close' | 'reset' | 'hang';
}

/** AUTH as a host offers it. */
export interface SmtpHostAuth {
  /** Mechanisms in the EHLO reply; default PLAIN and LOGIN. */
  readonly mechanisms?: readonly string[];
  /** User names and passwords that PLAIN and LOGIN take; default none. */
  readonly users?: Readonly<Record<string, string>>;
  /** Runs the exchange instead: the way for every other mechanism. */
  readonly exchange?: (exchange: AuthExchange) => Answer | Promise<Answer>;
}

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
