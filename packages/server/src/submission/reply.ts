import { BrokerError } from '@mb/broker';
import { MimeError } from '@mb/mime';

/** A refusal as smtp-server wants it: the text begins with the enhanced code (RFC 2034). */
export class SubmissionReply extends Error {
  readonly responseCode: number;

  constructor(responseCode: number, text: string, options: { readonly cause?: unknown } = {}) {
    super(text, options.cause === undefined ? undefined : { cause: options.cause });
    this.responseCode = responseCode;
  }
}

const codes: Readonly<Partial<Record<BrokerError['code'], readonly [code: number, enhanced: string]>>> = {
  MB_BROKER_SENDER: [550, '5.7.1'],
  MB_BROKER_MESSAGE_SYNTAX: [554, '5.6.0'],
  MB_BROKER_MESSAGE_TOO_LARGE: [552, '5.3.4'],
  MB_BROKER_NO_RECIPIENTS: [554, '5.5.1'],
  MB_BROKER_NO_SIGNING_KEY: [554, '5.7.0'],
  MB_BROKER_OPTION: [501, '5.5.4'],
};

/** What a failure means for the client: permanent where the message is at fault, else to be tried again. */
export function replyOf(error: unknown): SubmissionReply {
  if (error instanceof SubmissionReply) return error;
  if (MimeError.isInstance(error) && error.kind === 'invalid-input')
    return new SubmissionReply(553, `5.1.3 ${oneLine(error.message)}`, { cause: error });
  if (BrokerError.isInstance(error) && error.cause instanceof SubmissionReply) return error.cause;
  const known = BrokerError.isInstance(error) ? codes[error.code] : undefined;
  if (known)
    return new SubmissionReply(known[0], `${known[1]} ${oneLine((error as Error).message)}`, {
      cause: error,
    });
  // RFC 5321 §4.2.5: nothing was accepted, so the client keeps the message.
  return new SubmissionReply(451, '4.3.0 The queue cannot be used just now; try again.', { cause: error });
}

function oneLine(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 400);
}
