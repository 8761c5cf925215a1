import { type Reply, SmtpError, type SmtpErrorScope, type Stage } from '../../errors.ts';

/** What a host said of one recipient of a transaction; `reply` is unchanged. */
export type TransactionResult =
  /** The server took the message for this recipient; nothing can undo it. */
  | { readonly status: 'delivered'; readonly stage: Stage; readonly reply: Reply }
  /** Refused permanently by the server, or not offered because of what the server lacks. */
  | {
      readonly status: 'failed';
      readonly stage: Stage;
      readonly reply?: Reply;
      readonly error: SmtpError;
      /** What the host lacks for this message; another host, or another form of the message, may do. */
      readonly lacks?: HostLack;
    }
  /** Not accepted, and worth another try. */
  | {
      readonly status: 'deferred';
      readonly stage: Stage;
      readonly reply?: Reply;
      readonly error: SmtpError;
      /** The session ended before the server read anything of this: offer it again at once, it was no attempt. */
      readonly untouched?: true;
    }
  /** The message was handed over completely and no answer came: it may have been accepted. */
  | { readonly status: 'unknown'; readonly stage: Stage; readonly reply?: Reply; readonly error: SmtpError };

/** What a host said of one recipient; a union on `status`: delivered, failed, deferred or unknown. */
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

/** A 4yz or 5yz to a command of a transaction. */
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

/** A server that cannot carry this message: permanent here, another host may do. */
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

/** The end of data was handed over and the session ended without an answer (RFC 1047). */
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

/** The session ended and this recipient was certainly not accepted. */
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
