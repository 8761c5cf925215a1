import type { Stage } from '../../errors.ts';
import { integer, type OptionTable, readOptions } from '../../option-table.ts';

/** Timeouts of each stage, in milliseconds (RFC 5321 §4.5.3.2). */
export interface Timeouts {
  /** TCP connection, over all addresses of one attempt. Default 30 s. */
  readonly connectMs: number;
  /** The 220 greeting, from the established connection to the last octet of the reply. Default 300 s. */
  readonly greetingMs: number;
  /** The reply to EHLO, HELO or LHLO. Default 300 s. */
  readonly helloMs: number;
  /** The reply to STARTTLS. Default 60 s. */
  readonly starttlsMs: number;
  /** The whole TLS handshake. Default 60 s. */
  readonly handshakeMs: number;
  /** Each reply during AUTH. Default 120 s. */
  readonly authMs: number;
  /** The reply to MAIL. Default 300 s. */
  readonly mailMs: number;
  /** The reply to each RCPT. Default 300 s. */
  readonly rcptMs: number;
  /** The 354 to DATA. Default 120 s. */
  readonly dataMs: number;
  /** Writing each block to the transport. Default 180 s. */
  readonly blockMs: number;
  /** The reply to the end of data. Less than the 600 s of the RFC can cause duplicates. Default 600 s. */
  readonly finalMs: number;
  /** The reply to RSET. Default 20 s. */
  readonly resetMs: number;
  /** The whole setup, from the connected transport to the ready session. Default 600 s. */
  readonly setupMs: number;
  /**
   * A whole transaction, from MAIL to the last octet of its content. Raise it for messages of more than about 100 MB over
   * slow links. Default 3,600 s.
   */
  readonly transactionMs: number;
}

/** The default timeouts. */
export const defaultTimeouts: Timeouts = {
  connectMs: 30_000,
  greetingMs: 300_000,
  helloMs: 300_000,
  starttlsMs: 60_000,
  handshakeMs: 60_000,
  authMs: 120_000,
  mailMs: 300_000,
  rcptMs: 300_000,
  dataMs: 120_000,
  blockMs: 180_000,
  finalMs: 600_000,
  resetMs: 20_000,
  setupMs: 600_000,
  transactionMs: 3_600_000,
};

/** The same, each field optional. */
export type TimeoutOptions = { readonly [K in keyof Timeouts]?: Timeouts[K] | undefined };

/** The longest delay of a timer of the platform. */
const longestMs = 2 ** 31 - 1;
const milliseconds = <const Default extends number>(value: Default) =>
  integer(1, longestMs, { default: value, unit: 'ms' });

/** What `timeouts` accepts. */
export const timeoutOptions = {
  connectMs: milliseconds(defaultTimeouts.connectMs),
  greetingMs: milliseconds(defaultTimeouts.greetingMs),
  helloMs: milliseconds(defaultTimeouts.helloMs),
  starttlsMs: milliseconds(defaultTimeouts.starttlsMs),
  handshakeMs: milliseconds(defaultTimeouts.handshakeMs),
  authMs: milliseconds(defaultTimeouts.authMs),
  mailMs: milliseconds(defaultTimeouts.mailMs),
  rcptMs: milliseconds(defaultTimeouts.rcptMs),
  dataMs: milliseconds(defaultTimeouts.dataMs),
  blockMs: milliseconds(defaultTimeouts.blockMs),
  finalMs: milliseconds(defaultTimeouts.finalMs),
  resetMs: milliseconds(defaultTimeouts.resetMs),
  setupMs: milliseconds(defaultTimeouts.setupMs),
  transactionMs: milliseconds(defaultTimeouts.transactionMs),
} satisfies OptionTable<TimeoutOptions>;

/** Fills in the defaults and checks every given number. @throws {SmtpError} MB_SMTP_OPTION */
export function resolveTimeouts(given?: TimeoutOptions): Timeouts {
  return readOptions(given, timeoutOptions, 'timeouts');
}

/** The stages that wait for a reply. */
export type ReplyStage = Extract<
  Stage,
  | 'greeting'
  | 'ehlo'
  | 'helo'
  | 'starttls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'chunk'
  | 'final'
  | 'discard'
  | 'reset'
  | 'quit'
>;

/** The timeout for the reply of each stage. */
export const timeoutOfStage = {
  greeting: 'greetingMs',
  ehlo: 'helloMs',
  helo: 'helloMs',
  starttls: 'starttlsMs',
  auth: 'authMs',
  mail: 'mailMs',
  rcpt: 'rcptMs',
  data: 'dataMs',
  chunk: 'finalMs',
  final: 'finalMs',
  discard: 'finalMs',
  reset: 'resetMs',
  quit: 'resetMs',
} as const satisfies Record<ReplyStage, keyof Timeouts>;
