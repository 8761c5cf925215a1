import type { EnqueueResult, Failed, Queued, RecipientOutcome } from '@mb/broker';

/** The outcome of one recipient, as the broker reports it. */
export type MbOutcome = RecipientOutcome | Queued | Failed;

/**
 * The result of `sendMail()`: the fields of nodemailer's SMTP transport, and the broker's outcomes.
 *
 * `accepted`: a mail host or the queue took responsibility. `rejected`: failed permanently. `pending`: not delivered yet,
 * or the outcome is unknown; the queue tries again, `send` does not.
 */
export interface MbSentMessageInfo {
  readonly envelope: { readonly from: string; readonly to: string[] };
  /** With angle brackets, as in the Message-ID field. */
  readonly messageId: string;
  readonly accepted: string[];
  readonly rejected: string[];
  /** One for each rejected or pending recipient; absent if there are none. */
  readonly rejectedErrors?: MbRecipientError[];
  readonly pending: string[];
  /** The reply of the first host that accepted the message, on one line. For the queue: `250 2.0.0 Queued as 17`. */
  readonly response: string;
  /** One for each envelope recipient, in order. */
  readonly outcomes: readonly MbOutcome[];
  /** The queue's id for the message; only with `mode: 'queue'`. */
  readonly queueId?: string;
  /** Only with `mode: 'queue'`: the idempotency key was already used, so nothing was queued. */
  readonly duplicate?: boolean;
  /** Other transports give other fields. */
  // biome-ignore lint/suspicious/noExplicitAny: nodemailer's own type of a result has this signature.
  [key: string]: any;
}

/** Why a recipient did not get the message, in the form of nodemailer's errors. */
export interface MbRecipientError extends Error {
  /** A code of nodemailer: EENVELOPE, EMESSAGE, EDNS, ECONNECTION, ETLS, EAUTH, EPROTOCOL or ETIMEDOUT. */
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

/** The result of a message, to be reported to nodemailer. */
export interface SentParts {
  readonly envelope: { readonly from: string; readonly to: string[] };
  readonly messageId: string;
}

/** @returns The result of `sendMail()`, or an error if no recipient was accepted. */
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

/** Nodemailer's name of the command for each stage. */
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
