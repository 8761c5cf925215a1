import {
  type Reply,
  SmtpError,
  type SmtpErrorCode,
  type SmtpErrorKind,
  type SmtpErrorScope,
  type Stage,
} from '../../errors.ts';
import { serviceClosing } from '../transaction/receiver.ts';

/** A retryable error of a session. */
export function failure(
  code: SmtpErrorCode,
  kind: SmtpErrorKind,
  message: string,
  stage: Stage,
  scope: SmtpErrorScope,
  more: { readonly reply?: Reply | undefined; readonly cause?: unknown } = {},
): SmtpError {
  return new SmtpError(message, { code, kind, scope, stage, retryable: true, ...more });
}

/** The server or the network closed the connection. */
export function connectionLost(stage: Stage, cause?: unknown): SmtpError {
  const text = 'The connection was closed by the server or the network; try again later.';
  return failure(
    'MB_SMTP_CONNECTION_LOST',
    'network',
    text,
    stage,
    stage === 'greeting' ? 'host' : 'session',
    { cause },
  );
}

/** RFC 3207 §4.2: clear text after the 220 to STARTTLS (CVE-2011-0411). */
export function injected(): SmtpError {
  const text =
    'Octets came in clear text after the server agreed to TLS: an attack or a broken server. Use another host.';
  return failure('MB_SMTP_TLS_INJECTION', 'peer-misbehaved', text, 'starttls', 'host');
}

export function tlsNotOffered(): SmtpError {
  const text = 'TLS is required and the server does not offer STARTTLS; use another host or lower the level.';
  return failure('MB_SMTP_TLS_NOT_OFFERED', 'tls', text, 'ehlo', 'host');
}

export function lmtpUnknown(): SmtpError {
  return failure(
    'MB_SMTP_HELLO_REFUSED',
    'peer-incompatible',
    'The server does not know LHLO, so it is not an LMTP server.',
    'ehlo',
    'host',
  );
}

export function insecureAuth(tls: boolean): SmtpError {
  const text = tls
    ? 'Credentials are not sent to a server whose certificate was not verified; verify it, or opt in to insecure AUTH.'
    : 'Credentials are not sent in clear text; use TLS, or opt in to insecure AUTH.';
  return new SmtpError(text, {
    code: 'MB_SMTP_AUTH_INSECURE',
    kind: 'tls',
    scope: 'host',
    stage: 'auth',
    retryable: false,
  });
}

export function authUnavailable(offered: readonly string[], reply: Reply | undefined): SmtpError {
  const list = offered.filter((name) => /^[A-Z0-9_-]{1,20}$/.test(name)).join(', ') || 'none';
  const text = `No AUTH mechanism is left that both sides support; the server offers: ${list}.`;
  const fields = {
    code: 'MB_SMTP_AUTH_UNAVAILABLE',
    kind: 'peer-incompatible',
    scope: 'host',
    stage: 'auth',
  } as const;
  return new SmtpError(text, { ...fields, retryable: false, reply });
}

export function authRefused(reply: Reply): SmtpError {
  const text = `The server refused the credentials (${reply.code}); check the user name and the password or token.`;
  const fields = { code: 'MB_SMTP_AUTH_REFUSED', kind: 'rejected', scope: 'host', stage: 'auth' } as const;
  return new SmtpError(text, { ...fields, retryable: reply.code < 500, reply });
}

export function badChallenge(): SmtpError {
  const text = 'The server sent an AUTH challenge that is not base64; the session was closed.';
  return failure('MB_SMTP_REPLY_SYNTAX', 'peer-misbehaved', text, 'auth', 'session');
}

/** A reply that ends the session before it is ready; its scope is the host for every code (RFC 5321 §3.1). */
export function setupRefused(stage: Stage, reply: Reply): SmtpError {
  if (reply.code === 421) return serviceClosing(stage, reply);
  if (reply.code >= 300 && reply.code < 400) {
    const text = `The server answered ${reply.code} where no such reply is allowed; the session was closed.`;
    return failure('MB_SMTP_REPLY_UNEXPECTED', 'peer-misbehaved', text, stage, 'host', { reply });
  }
  if (stage === 'starttls') {
    const text = `The server offers STARTTLS but refused it (${reply.code}); try again later or use another host.`;
    return failure('MB_SMTP_TLS_REFUSED', 'rejected', text, stage, 'host', { reply });
  }
  if (stage === 'greeting' && reply.code === 521) return takesNoMail(reply);
  const code = stage === 'greeting' ? 'MB_SMTP_GREETING_REFUSED' : 'MB_SMTP_HELLO_REFUSED';
  const text = `The server does not want this client (${reply.code} to the ${stage}); use another host or try later.`;
  return failure(code, 'rejected', text, stage, 'host', { reply });
}

/** RFC 7504 §3.1: a host that greets with 521 never accepts mail. */
function takesNoMail(reply: Reply): SmtpError {
  return new SmtpError('The host says that it never takes mail (521); remove it from the MX records.', {
    code: 'MB_SMTP_GREETING_REFUSED',
    kind: 'rejected',
    scope: 'host',
    stage: 'greeting',
    retryable: false,
    reply,
    enhanced: reply.enhanced ?? '5.3.2',
  });
}

/** A defect of this package: a step that is not in the tables. */
export function internal(message: string): SmtpError {
  return failure(
    'MB_SMTP_INTERNAL',
    'internal',
    `${message}; this is a defect of the package.`,
    'idle',
    'session',
  );
}

/** The overall timeout expired, although each reply was in time. */
export function overallTimeout(stage: Stage, ready: boolean): SmtpError {
  const text = ready
    ? `The transaction took too long as a whole (${stage}), although each reply was in time; try again later.`
    : `The server took too long to make the session ready (${stage}); use another host or try again later.`;
  return failure('MB_SMTP_OVERALL_TIMEOUT', 'timeout', text, stage, ready ? 'session' : 'host');
}

/**
 * The TLS handshake failed, or the server rejected it right after.
 *
 * @param reason  Default: the message of `cause`.
 */
export function handshakeFailed(
  cause: unknown,
  reason = cause instanceof Error ? cause.message.trim() : 'the server closed the connection',
): SmtpError {
  const text = `The TLS handshake failed: ${reason}. Try another host or ask its operator.`;
  return failure('MB_SMTP_TLS_HANDSHAKE', 'tls', text, 'tls', 'host', { cause });
}

/** The timeout of the whole TLS handshake expired. */
export function handshakeTimeout(): SmtpError {
  return failure(
    'MB_SMTP_TLS_TIMEOUT',
    'tls',
    'The TLS handshake took too long; try again later.',
    'tls',
    'host',
  );
}
