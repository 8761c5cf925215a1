import type { EnqueueResult, Failed, Queued, RecipientOutcome } from '@mb/broker';

/** The outcome of one recipient as the broker gives it. */
export type MbOutcome = RecipientOutcome | Queued | Failed;

/**
 * What `sendMail()` gives: the fields of nodemailer's SMTP transport, and the broker's outcomes beside them.
 *
 * `accepted`: a mail host took responsibility, or the queue did. `rejected`: refused for good. `pending`: not delivered
 * now, or the outcome is unknown; `send` makes no further attempt, the queue does.
 */
export interface MbSentMessageInfo {
  readonly envelope: { readonly from: string; readonly to: string[] };
  /** With angle brackets, as the Message-ID field has it. */
  readonly messageId: string;
  readonly accepted: string[];
  readonly rejected: string[];
  /** One for each rejected or pending recipient; absent when there are none. */
  readonly rejectedErrors?: MbRecipientError[];
  readonly pending: string[];
  /** The reply of the host that took the message first, in one line; in the queue its id: `250 2.0.0 Queued as 17`. */
  readonly response: string;
  /** One for each envelope recipient, in their order. */
  readonly outcomes: readonly MbOutcome[];
  /** The queue's id for the message; only with `mode: 'queue'`. */
  readonly queueId?: string;
  /** Only with `mode: 'queue'`: the idempotency key was known, and nothing new was queued. */
  readonly duplicate?: boolean;
  /** Other transports give other fields. */
  // biome-ignore lint/suspicious/noExplicitAny: nodemailer's own type of a result has this signature.
  [key: string]: any;
}

/** Why a recipient did not get the message, as nodemailer's errors say it. */
export interface MbRecipientError extends Error {
  /** As nodemailer's: EENVELOPE, EMESSAGE, EDNS, ECONNECTION, ETLS, EAUTH, EPROTOCOL, ETIMEDOUT. */
  code: string;
  recipient?: string;
  response?: string;
  responseCode?: number;
  command?: string;
  outcome?: MbOutcome;
  rejected?: string[];
  rejectedErrors?: MbRecipientError[];
  pending?: string[];
  outcomes?: readonly MbOutcome[];
}

/** What a message needs to be reported on. */
export interface SentParts {
  readonly envelope: { readonly from: string; readonly to: string[] };
  readonly messageId: string;
}

/** @returns what `sendMail()` gives; an error when no recipient was accepted. */
export function sentInfo(
  parts: SentParts,
  outcomes: readonly MbOutcome[],
  queued?: EnqueueResult,
): MbSentMessageInfo | MbRecipientError {
  const by = (...statuses: MbOutcome['status'][]) =>
    outcomes.filter(({ status }) => statuses.includes(status));
  const accepted = by('delivered', 'queued');
  const rejected = by('failed').map(({ recipient }) => recipient);
  const pending = by('deferred', 'unknown').map(({ recipient }) => recipient);
  const errors = by('failed', 'deferred', 'unknown').map(recipientError);
  if (accepted.length === 0) return noneAccepted(errors, { rejected, pending, outcomes });
  const [first] = by('delivered') as readonly (RecipientOutcome & { status: 'delivered' })[];
  return {
    ...parts,
    accepted: accepted.map(({ recipient }) => recipient),
    rejected,
    ...(errors.length > 0 && { rejectedErrors: errors }),
    pending,
    response: first ? replyLine(first.reply) : `250 2.0.0 Queued as ${queued?.id}`,
    outcomes,
    ...(queued?.id !== undefined && { queueId: queued.id, duplicate: queued.duplicate }),
  };
}

function noneAccepted(
  errors: MbRecipientError[],
  rest: Pick<MbRecipientError, 'rejected' | 'pending' | 'outcomes'>,
): MbRecipientError {
  const [first] = errors;
  const error: MbRecipientError = Object.assign(
    new Error(
      errors.length === 1 ? first!.message : `No recipient was accepted; the first: ${first!.message}`,
    ),
    { code: first!.code },
  );
  const { response, responseCode, command } = first!;
  return Object.assign(
    error,
    rest,
    { rejectedErrors: errors },
    response !== undefined && { response },
    responseCode !== undefined && { responseCode },
    command !== undefined && { command },
  );
}

function recipientError(outcome: MbOutcome): MbRecipientError {
  const { recipient } = outcome;
  const reason = 'reason' in outcome ? outcome.reason : 'No answer.';
  const reply = 'reply' in outcome ? outcome.reply : undefined;
  const stage = 'stage' in outcome ? outcome.stage : undefined;
  const command = stage === undefined ? undefined : commands[stage];
  return Object.assign(
    new Error(`${recipient}: ${reason}`),
    { code: outcome.status === 'unknown' ? 'ETIMEDOUT' : codeOf(stage, outcome), recipient, outcome },
    reply && { response: replyLine(reply), responseCode: reply.code },
    command !== undefined && { command },
  );
}

/** The command that nodemailer names for one of our stages. */
const commands: Readonly<Record<string, string>> = {
  connect: 'CONN',
  greeting: 'CONN',
  ehlo: 'EHLO',
  helo: 'HELO',
  starttls: 'STARTTLS',
  tls: 'STARTTLS',
  auth: 'AUTH',
  mail: 'MAIL FROM',
  rcpt: 'RCPT TO',
  data: 'DATA',
  chunk: 'DATA',
  content: 'DATA',
  final: 'DATA',
};

function codeOf(stage: string | undefined, outcome: MbOutcome): string {
  if ('category' in outcome && outcome.category === 'local') return 'ECONNECTION';
  switch (stage) {
    case 'route':
      return 'EDNS';
    case 'greeting':
      return 'reply' in outcome && outcome.reply ? 'EPROTOCOL' : 'ECONNECTION';
    case 'connect':
      return 'ECONNECTION';
    case 'policy':
    case 'starttls':
    case 'tls':
      return 'ETLS';
    case 'auth':
      return 'EAUTH';
    case 'data':
    case 'chunk':
    case 'content':
    case 'final':
      return 'EMESSAGE';
    default:
      return 'EENVELOPE';
  }
}

function replyLine({ code, lines }: { readonly code: number; readonly lines: readonly string[] }): string {
  return `${code} ${lines.join(' ')}`;
}
