import type { Capabilities } from '../session/capabilities.ts';
import type { CheckedEnvelope, CheckedRecipient } from './envelope.ts';

/** The parameters of MAIL for a transaction, checked against the server's capabilities. */
export interface MailParameters {
  /** Octets as sent, without stuffed dots (RFC 1870 §3); undefined when unknown. */
  readonly size: number | undefined;
  readonly body: '7bit' | '8bitmime' | 'binarymime' | undefined;
  readonly smtputf8: boolean;
}

/** MAIL with the parameters that the server supports (RFC 5321 §4.1.1.2), without the line end. */
export function formatMail(envelope: CheckedEnvelope, mail: MailParameters, offered: Capabilities): string {
  let command = `MAIL FROM:<${envelope.from.address}>`;
  if (mail.size !== undefined && offered.size) command += ` SIZE=${mail.size}`;
  if (mail.body === 'binarymime') command += ' BODY=BINARYMIME';
  else if (mail.body === '8bitmime' && offered.eightBitMime) command += ' BODY=8BITMIME';
  if (mail.smtputf8) command += ' SMTPUTF8';
  if (envelope.requireTls) command += ' REQUIRETLS';
  if (offered.dsn) command += envelope.dsn;
  return command;
}

/** RCPT (RFC 5321 §4.1.1.3), with DSN parameters if offered (RFC 3461 §4), without the line end. */
export function formatRcpt(recipient: CheckedRecipient, offered: Capabilities): string {
  return offered.dsn && recipient.dsn !== ''
    ? `RCPT TO:<${recipient.address}>${recipient.dsn}`
    : `RCPT TO:<${recipient.address}>`;
}
