import { type Reply, SmtpError, type SmtpErrorScope, type Stage } from '../../errors.ts';

/** The result of a recipient in a transaction; `reply` is that of the server. */
export type TransactionResult =
  /** The server accepted the message for this recipient. */
  | { readonly status: 'delivered'; readonly stage: Stage; readonly reply: Reply }
  /** The server refused it permanently, or lacks what the message needs. */
  | {
      readonly status: 'failed';
      readonly stage: Stage;
      readonly reply?: Reply;
      readonly error: SmtpError;
      /** What the host lacks; another host, or another form of the message, may succeed. */
      readonly lacks?: HostLack;
    }
  /** Not accepted; a later attempt may succeed. */
  | {
      readonly status: 'deferred';
      readonly stage: Stage;
      readonly reply?: Reply;
      readonly error: SmtpError;
      /**
       * The session ended before the server read this message: offer it again at once; it does not count as an attempt.
       */
      readonly untouched?: true;
    }
  /** The message was sent completely but not answered: it may have been accepted. */
  | { readonly status: 'unknown'; readonly stage: Stage; readonly reply?: Reply; readonly error: SmtpError };

/** The result of a recipient, a union on `status`: delivered, failed, deferred or unknown. */
export type RecipientResult = TransactionResult & {
  /** The address as it was given. */
  readonly recipient: string;
};

/** What a host may lack for a message. */
export type HostLack = '8bitmime' | 'binarymime' | 'smtputf8' | 'size' | 'requiretls';

const refusals = {
  mail: ['MB_SMTP_SENDER_REFUSED', 'message', 'The server refused the sender'],
  rcpt: ['MB_SMTP_RECIPIENT_REFUSED', 'recipient', 'The server refused the recipient'],
  data: ['MB_SMTP_MESSAGE_REFUSED', 'message', 'The server refused to take the message'],
  content: ['MB_SMTP_MESSAGE_REFUSED', 'message', 'The server refused the message while it was sent'],
  chunk: ['MB_SMTP_MESSAGE_REFUSED', 'message', 'The server refused the message while it was sent'],
  final: ['MB_SMTP_MESSAGE_REFUSED', 'message', 'The server refused the message'],
} as const;

/** The result of a 4yz or 5yz reply to a command of a transaction. */
export function refusal(stage: keyof typeof refusals, reply: Reply): TransactionResult {
  const [code, scope, text] = refusals[stage];
  const permanent = reply.code >= 500;
  const error = new SmtpError(`${text} (${reply.code}${reply.enhanced ? ` ${reply.enhanced}` : ''}).`, {
    code,
    kind: 'rejected',
    scope,
    stage,
    retryable: !permanent,
    reply,
  });
  return { status: permanent ? 'failed' : 'deferred', stage, reply, error };
}

/** The result when the server lacks what the message needs; another host may have it. */
export function incapable(
  lacks: HostLack,
  code: SmtpError['code'],
  enhanced: string,
  message: string,
): Extract<TransactionResult, { status: 'failed' }> {
  const scope: SmtpErrorScope = 'host';
  const error = new SmtpError(message, {
    code,
    kind: 'peer-incompatible',
    scope,
    stage: 'plan',
    retryable: false,
    enhanced,
  });
  return { status: 'failed', stage: 'plan', error, lacks };
}

/** The result when the session ended after the end of data without an answer (RFC 1047). */
export function unknownOutcome(cause: SmtpError): TransactionResult {
  const why =
    cause.kind === 'timeout'
      ? 'the server did not answer in time'
      : 'the session ended before the server answered';
  const error = new SmtpError(`The message was sent completely but ${why}; it may have been accepted.`, {
    code: 'MB_SMTP_OUTCOME_UNKNOWN',
    kind: cause.kind,
    scope: 'session',
    stage: 'final',
    retryable: true,
    cause,
  });
  return { status: 'unknown', stage: 'final', error };
}

/** The result when the session ended and the recipient was certainly not accepted. */
export function notAccepted(
  stage: Stage,
  error: SmtpError,
  untouched = false,
): Extract<TransactionResult, { status: 'deferred' }> {
  return {
    status: 'deferred',
    stage,
    ...(error.reply === undefined ? {} : { reply: error.reply }),
    error,
    ...(untouched ? { untouched } : {}),
  };
}
