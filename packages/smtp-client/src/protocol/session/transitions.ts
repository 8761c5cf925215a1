/**
 * The whole protocol as tables, seen from the client (RFC 5321 §3 and §4.3.2, RFC 2920, RFC 3030, RFC 3207).
 *
 * Four tables describe what runs at once:
 *
 * 1. SESSION: the state of the connection. Replies in `ready` belong to transactions and are looked up in REPLIES.
 * 2. WRITER: how far one transaction has been written. Transactions are written one after the other, so at most one
 *    of them is in `envelope`, `go-ahead` or `content`; all before it are in `sent` or `over`, all after it in
 *    `waiting`. Therefore replies can be matched in order, and only a transaction in `sent` can have been accepted.
 * 3. REPLIES: what a reply of each class means at each stage. Void stages belong to a transaction that can no longer
 *    deliver (MAIL refused, or no recipient accepted) but whose commands are already written.
 * 4. ENVELOPE: the state of a transaction on the server, from the replies read so far.
 *
 * A transaction has a state in WRITER and one in ENVELOPE; both change only by the ledger's `step` and `read`
 * (transaction/ledger.ts). An input that is not in the row is illegal: the functions at the end return `undefined` for it,
 * and the session ends with MB_SMTP_INTERNAL.
 *
 * Long because the rows of the tables have their reasons beside them.
 */

export const sessionStates = [
  'greeting',
  'hello',
  'hello-fallback',
  'negotiating',
  'starttls',
  'handshake',
  'auth',
  'authenticated',
  'ready',
  'quitting',
  'closed',
] as const;
/** State of a session. */
export type SessionState = (typeof sessionStates)[number];

export const sessionInputs = [
  'positive', // 2yz
  'intermediate', // 3yz
  'transient', // 4yz except 421
  'permanent', // 5yz except the next
  'not-implemented', // 500, 502, 504
  'service-closing', // 421
  'choose-starttls',
  'choose-auth',
  'choose-ready',
  'tls-established',
  'quit',
  'lost', // end of stream, reset, timeout, garbage, abort
] as const;
/** An input of the SESSION table. */
export type SessionInput = (typeof sessionInputs)[number];

/** What each input does in each state of the session. */
export const SESSION = {
  // RFC 5321 §3.1: 220, or a refusal with 4yz or 554.
  greeting: {
    positive: 'hello',
    intermediate: 'closed',
    transient: 'closed',
    permanent: 'closed',
    'not-implemented': 'closed',
    'service-closing': 'closed',
    lost: 'closed',
  },
  // RFC 5321 §3.2: HELO is for a server that does not know EHLO; 421 does not fall back.
  hello: {
    positive: 'negotiating',
    intermediate: 'closed',
    transient: 'closed',
    permanent: 'closed',
    'not-implemented': 'hello-fallback',
    'service-closing': 'closed',
    lost: 'closed',
  },
  'hello-fallback': {
    positive: 'negotiating',
    intermediate: 'closed',
    transient: 'closed',
    permanent: 'closed',
    'not-implemented': 'closed',
    'service-closing': 'closed',
    lost: 'closed',
  },
  // The session chooses by the capabilities, and leaves this state at once.
  negotiating: {
    'choose-starttls': 'starttls',
    'choose-auth': 'auth',
    'choose-ready': 'ready',
    lost: 'closed',
  },
  // RFC 3207 §4: after 220 only the handshake follows. A refusal ends the session; the caller decides what to do.
  starttls: {
    positive: 'handshake',
    intermediate: 'closed',
    transient: 'closed',
    permanent: 'closed',
    'not-implemented': 'closed',
    'service-closing': 'closed',
    lost: 'closed',
  },
  // RFC 3207 §4.2: capabilities are discarded and EHLO is sent again.
  handshake: { 'tls-established': 'hello', lost: 'closed' },
  // RFC 4954 §4: 334 asks for more, 235 ends it; after a refusal another mechanism may be tried.
  auth: {
    positive: 'authenticated',
    intermediate: 'auth',
    transient: 'negotiating',
    permanent: 'negotiating',
    'not-implemented': 'negotiating',
    'service-closing': 'closed',
    lost: 'closed',
  },
  // RFC 5802 §5: the mechanism, not the 235, decides whether the server has proved itself.
  authenticated: { 'choose-ready': 'ready', lost: 'closed' },
  ready: { quit: 'quitting', 'service-closing': 'closed', lost: 'closed' },
  // RFC 5321 §4.1.1.10: every reply ends the session.
  quitting: {
    positive: 'closed',
    intermediate: 'closed',
    transient: 'closed',
    permanent: 'closed',
    'not-implemented': 'closed',
    'service-closing': 'closed',
    lost: 'closed',
  },
  closed: {},
} as const satisfies Record<SessionState, Partial<Record<SessionInput, SessionState>>>;

export const writerStates = ['waiting', 'envelope', 'go-ahead', 'content', 'sent', 'over'] as const;
export type WriterState = (typeof writerStates)[number];

export const writerInputs = [
  'begin', // MAIL was written
  'data-written', // DATA was written
  'chunks-begin', // the first BDAT was written
  'go-ahead', // 354, and a recipient was accepted
  'lone-dot', // 354, and no recipient was accepted
  'last-octet', // the last octet of the content and its end was written
  'given-up', // no recipient is left, or the server refused DATA or a chunk
  'settled', // the reply to the end of data, or to the void command, was read
  'lost',
] as const;
export type WriterInput = (typeof writerInputs)[number];

/** What each input does in each state of writing a transaction. */
export const WRITER = {
  waiting: { begin: 'envelope', 'given-up': 'over', lost: 'over' },
  envelope: { 'data-written': 'go-ahead', 'chunks-begin': 'content', 'given-up': 'over', lost: 'over' },
  // RFC 5321 §4.1.1.4: after 354 only data is sent.
  'go-ahead': { 'go-ahead': 'content', 'lone-dot': 'sent', 'given-up': 'over', lost: 'over' },
  content: { 'last-octet': 'sent', 'given-up': 'over', lost: 'over' },
  sent: { settled: 'over', lost: 'over' },
  over: {},
} as const satisfies Record<WriterState, Partial<Record<WriterInput, WriterState>>>;

/** What the loss of the connection means for recipients without an answer (RFC 5321 §4.2.5, RFC 1047). */
export const LOSS = {
  waiting: 'not-accepted',
  envelope: 'not-accepted',
  'go-ahead': 'not-accepted',
  content: 'not-accepted',
  sent: 'unknown',
  over: 'not-accepted',
} as const satisfies Record<WriterState, 'not-accepted' | 'unknown'>;

export const envelopeStates = [
  'unanswered', // no reply to MAIL
  'open', // MAIL accepted, no recipient yet
  'addressed', // at least one recipient accepted
  'left-open', // BDAT is not supported: the transaction is written again with DATA, and this one needs RSET
  'refused', // MAIL refused
  'confused', // MAIL refused, and then a recipient accepted
  'postponed', // MAIL came too early, or the session is full: the transaction is written again, here or in another session
  'postponed-confused', // the same, and then a recipient accepted
] as const;
export type EnvelopeState = (typeof envelopeStates)[number];

export const envelopeInputs = [
  'mail-accepted',
  'mail-refused',
  'mail-postponed', // the effects postpone and renew
  'recipient-accepted',
  'bdat-unknown', // 500, 502 or 503 to BDAT for an accepted recipient
] as const;
export type EnvelopeInput = (typeof envelopeInputs)[number];

/** What each reply does to the state of a transaction on the server. */
export const ENVELOPE = {
  // RFC 5321 §3.3: MAIL starts a transaction, so its reply comes first.
  unanswered: { 'mail-accepted': 'open', 'mail-refused': 'refused', 'mail-postponed': 'postponed' },
  open: { 'recipient-accepted': 'addressed' },
  addressed: { 'recipient-accepted': 'addressed', 'bdat-unknown': 'left-open' },
  'left-open': {},
  refused: { 'recipient-accepted': 'confused' },
  confused: { 'recipient-accepted': 'confused' },
  postponed: { 'recipient-accepted': 'postponed-confused' },
  'postponed-confused': { 'recipient-accepted': 'postponed-confused' },
} as const satisfies Record<EnvelopeState, Partial<Record<EnvelopeInput, EnvelopeState>>>;

/** Properties of a state of the envelope. */
export interface EnvelopeFacts {
  /** A reply to this transaction was read. */
  readonly answered: boolean;
  /** The server has no transaction: it refused MAIL. */
  readonly refused: boolean;
  /** The whole transaction is written again as another one, so this one does not count as a message. */
  readonly rewritten: boolean;
  /** The server accepted a recipient although it refused MAIL, so a dot might deliver an empty message. */
  readonly confused: boolean;
}

/** The properties of each state of the envelope. */
export const ENVELOPE_FACTS = {
  unanswered: { answered: false, refused: false, rewritten: false, confused: false },
  open: { answered: true, refused: false, rewritten: false, confused: false },
  addressed: { answered: true, refused: false, rewritten: false, confused: false },
  'left-open': { answered: true, refused: false, rewritten: true, confused: false },
  refused: { answered: true, refused: true, rewritten: false, confused: false },
  confused: { answered: true, refused: true, rewritten: false, confused: true },
  postponed: { answered: true, refused: true, rewritten: true, confused: false },
  'postponed-confused': { answered: true, refused: true, rewritten: true, confused: true },
} as const satisfies Record<EnvelopeState, EnvelopeFacts>;

export const transactionStages = [
  'reset',
  'mail',
  'rcpt',
  'data',
  'chunk',
  'final',
  'rcpt-void',
  'data-void',
  'final-void',
  'discard',
] as const;
export type TransactionStage = (typeof transactionStages)[number];

export const replyClasses = [
  '2yz',
  '3yz',
  '4yz',
  '5yz',
  '503',
  '503-overlapped',
  '421',
  'too-many',
  'no-bdat', // 500, 502 or 503 to BDAT for an accepted recipient
  'session-full', // 4yz to MAIL, except 421: the session has reached the maximum number of messages
] as const;
export type ReplyClass = (typeof replyClasses)[number];

export type ReplyEffect =
  | 'accept' // continue
  | 'defer' // temporary for those concerned
  | 'refuse' // permanent for those concerned
  | 'postpone' // the whole transaction is written again, without running ahead
  | 'renew' // the whole transaction waits for another session
  | 'use-data' // the whole transaction is written again, with DATA
  | 'split' // this recipient moves to a further transaction
  | 'go-ahead' // send the content
  | 'lone-dot' // end the empty transaction with a dot
  | 'deliver' // the server has accepted the message
  | 'ignore'
  | 'drop' // misplaced: temporary for all undecided recipients, the session ends
  | 'close' // 421: temporary for all undecided recipients of all transactions, the session ends
  | 'never'; // this class does not occur at this stage

/** What each class of reply does at each stage of a transaction. */
// RFC 5321 §4.3.2 lists the codes of each command; by §4.2.1 the first digit decides.
export const REPLIES = {
  reset: {
    '2yz': 'accept',
    '3yz': 'drop',
    '4yz': 'drop',
    '5yz': 'drop',
    '503': 'drop',
    '503-overlapped': 'never',
    '421': 'close',
    'too-many': 'never',
    'no-bdat': 'never',
    'session-full': 'never',
  },
  // QUIRK(Haraka 3.3): it offers PIPELINING but answers 503 to commands after an end of data in the same segment, which
  // RFC 2920 §3.1 allows.
  // QUIRK(OpenSMTPD 6.8): after 100 messages it answers "452 4.5.3 … Too many messages sent" and keeps the session
  // open.
  mail: {
    '2yz': 'accept',
    '3yz': 'drop',
    '4yz': 'defer',
    '5yz': 'refuse',
    '503': 'drop',
    '503-overlapped': 'postpone',
    '421': 'close',
    'too-many': 'never',
    'no-bdat': 'never',
    'session-full': 'renew',
  },
  // RFC 5321 §4.5.3.1.10: "too many recipients" concerns this transaction, not the recipient.
  rcpt: {
    '2yz': 'accept',
    '3yz': 'drop',
    '4yz': 'defer',
    '5yz': 'refuse',
    '503': 'drop',
    '503-overlapped': 'never',
    '421': 'close',
    'too-many': 'split',
    'no-bdat': 'never',
    'session-full': 'never',
  },
  data: {
    '2yz': 'drop',
    '3yz': 'go-ahead',
    '4yz': 'defer',
    '5yz': 'refuse',
    '503': 'drop',
    '503-overlapped': 'never',
    '421': 'close',
    'too-many': 'never',
    'no-bdat': 'never',
    'session-full': 'never',
  },
  chunk: {
    '2yz': 'accept',
    '3yz': 'drop',
    '4yz': 'defer',
    '5yz': 'refuse',
    '503': 'drop',
    '503-overlapped': 'never',
    '421': 'close',
    'too-many': 'never',
    'no-bdat': 'use-data',
    'session-full': 'never',
  },
  final: {
    '2yz': 'deliver',
    '3yz': 'drop',
    '4yz': 'defer',
    '5yz': 'refuse',
    '503': 'drop',
    '503-overlapped': 'never',
    '421': 'close',
    'too-many': 'never',
    'no-bdat': 'use-data',
    'session-full': 'never',
  },
  'rcpt-void': {
    '2yz': 'ignore',
    '3yz': 'drop',
    '4yz': 'ignore',
    '5yz': 'ignore',
    '503': 'ignore',
    '503-overlapped': 'never',
    '421': 'close',
    'too-many': 'never',
    'no-bdat': 'never',
    'session-full': 'never',
  },
  'data-void': {
    '2yz': 'drop',
    '3yz': 'lone-dot',
    '4yz': 'ignore',
    '5yz': 'ignore',
    '503': 'ignore',
    '503-overlapped': 'never',
    '421': 'close',
    'too-many': 'never',
    'no-bdat': 'never',
    'session-full': 'never',
  },
  'final-void': {
    '2yz': 'ignore',
    '3yz': 'drop',
    '4yz': 'ignore',
    '5yz': 'ignore',
    '503': 'ignore',
    '503-overlapped': 'never',
    '421': 'close',
    'too-many': 'never',
    'no-bdat': 'never',
    'session-full': 'never',
  },
  discard: {
    '2yz': 'ignore',
    '3yz': 'drop',
    '4yz': 'ignore',
    '5yz': 'ignore',
    '503': 'ignore',
    '503-overlapped': 'never',
    '421': 'close',
    'too-many': 'never',
    'no-bdat': 'never',
    'session-full': 'never',
  },
} as const satisfies Record<TransactionStage, Record<ReplyClass, ReplyEffect>>;

/** The state after `input`, or undefined when the table does not allow it. */
export function nextSessionState(state: SessionState, input: SessionInput): SessionState | undefined {
  return (SESSION[state] as Partial<Record<SessionInput, SessionState>>)[input];
}

/** The state after `input`, or undefined when the table does not allow it. */
export function nextWriterState(state: WriterState, input: WriterInput): WriterState | undefined {
  return (WRITER[state] as Partial<Record<WriterInput, WriterState>>)[input];
}

/** The state after `input`, or undefined when the table does not allow it. */
export function nextEnvelopeState(state: EnvelopeState, input: EnvelopeInput): EnvelopeState | undefined {
  return (ENVELOPE[state] as Partial<Record<EnvelopeInput, EnvelopeState>>)[input];
}
