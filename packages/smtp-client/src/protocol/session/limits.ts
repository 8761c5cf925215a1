import { integer, type OptionTable, readOptions } from '../../option-table.ts';

/** Limits on what a server can make a session hold or do. */
export interface SessionLimits {
  /**
   * Maximum length of a reply line in octets with its line end; a longer one ends the session. Default 4,096; RFC 5321
   * §4.5.3.1.5 requires 512.
   */
  readonly replyLineOctets: number;
  /** Maximum number of lines of a reply; more end the session. Default 512. */
  readonly replyLines: number;
  /** Octets of text kept per reply; the rest is dropped. Default 8,192. */
  readonly replyTextOctets: number;
  /** Maximum number of messages on a connection that await their final reply with CHUNKING. Default 16. */
  readonly chunkingWindow: number;
  /** Maximum size of a message that BDAT sends before the replies to its recipients. Default 262,144 octets. */
  readonly eagerOctets: number;
  /**
   * Maximum number of recipients per transaction; the server may set a lower one. Default 10,000; RFC 5321 §4.5.3.1.8
   * guarantees only 100.
   */
  readonly recipientsPerTransaction: number;
  /**
   * Replies of 4yz and 5yz in a row, without a delivered message, after which a session accepts no further message.
   * Default 10: Postfix delays each reply by a second after 10 errors, and hangs up after 20.
   */
  readonly refusalsInRow: number;
  /** Maximum number of entries per transcript; later ones are only counted. Default 1,000. */
  readonly transcriptEntries: number;
}

/** The default limits. */
export const defaultLimits: SessionLimits = {
  replyLineOctets: 4096,
  replyLines: 512,
  replyTextOctets: 8192,
  chunkingWindow: 16,
  eagerOctets: 262_144,
  recipientsPerTransaction: 10_000,
  refusalsInRow: 10,
  transcriptEntries: 1000,
};

/** The same, each field optional. */
export type LimitOptions = { readonly [K in keyof SessionLimits]?: SessionLimits[K] | undefined };

const most = 2 ** 31 - 1;

/** What `limits` accepts. */
export const limitOptions = {
  replyLineOctets: integer(1, most, { default: defaultLimits.replyLineOctets, unit: 'octets' }),
  replyLines: integer(1, most, { default: defaultLimits.replyLines }),
  replyTextOctets: integer(1, most, { default: defaultLimits.replyTextOctets, unit: 'octets' }),
  chunkingWindow: integer(1, most, { default: defaultLimits.chunkingWindow }),
  eagerOctets: integer(1, most, { default: defaultLimits.eagerOctets, unit: 'octets' }),
  recipientsPerTransaction: integer(1, most, { default: defaultLimits.recipientsPerTransaction }),
  refusalsInRow: integer(1, most, { default: defaultLimits.refusalsInRow }),
  transcriptEntries: integer(1, most, { default: defaultLimits.transcriptEntries }),
} satisfies OptionTable<LimitOptions>;

/** Fills in the defaults and checks every given number. @throws {SmtpError} MB_SMTP_OPTION */
export function resolveLimits(given?: LimitOptions): SessionLimits {
  return readOptions(given, limitOptions, 'limits');
}
